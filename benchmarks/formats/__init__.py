"""Whether the other libraries and this one mean the same by their files.

`python -m benchmarks.formats` is the command; `peers` runs in the libraries' own environment.
"""

"""What a scan keeps of every feature, each subject in a file of its own.

A collector takes in rows in the order of their tokens, holds what it knows in arrays of a size that
is known beforehand, and can be saved and restored at any row. Each looks only at active features.
"""

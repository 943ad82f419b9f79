"""How fast and how well this project's trainer and the other libraries' own train.

Modules here need torch alone, as half of them run in the other libraries' environment; the two
commands (`speed`, `quality`) don't even need that.
"""

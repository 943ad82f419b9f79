"""The other programs, each run by its own runner: one file a program."""

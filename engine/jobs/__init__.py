"""Long work, joined from the rooms above.

kinds/       what each kind of job is: its fields, its checks, what it reads and makes; no torch
work/        what a worker does for each kind, with torch
run.py       from the one to the other
store.py     every job of a workspace and its events, in the database
conflicts.py two jobs that would make the same
"""

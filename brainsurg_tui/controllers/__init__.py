"""What the app does when a pane or a key asks for it: one desk for each subject.

A desk changes the state, asks the engine and has the panes shown anew. Desks know the app, and
panes know neither.
"""

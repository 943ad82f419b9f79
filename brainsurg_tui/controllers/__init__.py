"""What the app does when a pane or a key asks for it: one controller for each subject.

A controller changes the state, asks the engine and has the panes shown anew. Controllers know the
app, and panes know neither.
"""

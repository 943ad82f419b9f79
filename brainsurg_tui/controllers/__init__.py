"""What the app does when a pane or a key asks for it: one controller for each subject.

A controller changes the state and asks the engine; the panes that show what changed are painted by
themselves. Controllers see of the app what `shell` lists, and are handed the others that they call;
panes know neither.
"""

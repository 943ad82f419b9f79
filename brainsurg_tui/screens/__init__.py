"""The main screen with its panes, and the dialogs that stand over it for a moment."""

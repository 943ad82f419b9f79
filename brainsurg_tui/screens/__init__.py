"""Screens that stand over the panes for a moment."""

"""Frames that no front end of ours would send, at a real daemon."""

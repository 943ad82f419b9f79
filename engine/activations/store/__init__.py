"""Activation sets on disk: what they say of themselves, and how they are written and read."""

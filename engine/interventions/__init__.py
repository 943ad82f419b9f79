"""Changing a feature and measuring what follows."""

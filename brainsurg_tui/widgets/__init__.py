"""Widgets that know nothing of this project."""

"""Pieces of text on which a feature is active, or might be and is not."""

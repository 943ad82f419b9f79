"""Features found by a text, by two texts, by a pattern, or by another feature."""

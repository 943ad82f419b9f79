"""Where it all lives on disk."""

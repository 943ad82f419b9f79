"""The embedded model: its corpus, its weights, and the script that makes it."""

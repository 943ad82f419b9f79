"""The language in which features are filtered: its grammar, and what it means."""

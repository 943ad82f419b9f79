"""The sheet with what a search found: its table, its columns and its texts."""

"""The detail pane: itself, its columns and its texts."""

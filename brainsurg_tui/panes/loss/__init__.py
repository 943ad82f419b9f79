"""The loss pane: itself, its columns and its texts."""

"""The findings pane: itself, its columns and its texts."""

"""The features pane: itself, its columns and its texts."""

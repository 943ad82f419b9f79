"""The jobs pane: itself, its columns and its texts."""

"""The snippets pane: itself, its columns and its texts."""

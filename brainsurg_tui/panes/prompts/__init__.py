"""The prompts pane: itself, its columns and its texts."""

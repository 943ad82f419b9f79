"""The clamp pane: itself, its columns and its texts."""

"""The clamp pane: its table and texts, and how a report is written."""

"""The features pane: the table of all features, and its columns."""

"""The snippets pane: texts on which the selected feature is active."""

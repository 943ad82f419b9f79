"""The jobs pane, and how jobs are put into words."""

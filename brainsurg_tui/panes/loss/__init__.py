"""The loss pane: the chart of a training."""

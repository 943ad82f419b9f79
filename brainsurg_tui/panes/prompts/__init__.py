"""The prompts pane: a table of the workspace's prompts."""

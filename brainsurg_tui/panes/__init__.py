"""The six panes and the two sheets over them, a folder each, and what several of them share."""

"""The three lines around the panes: what is open, what runs, which keys do something."""

"""Long work, joined from the rooms above: each file runs one kind of job."""

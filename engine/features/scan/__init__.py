"""The scan: one pass over an activation set that finds what every feature responds to."""

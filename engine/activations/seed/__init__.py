"""The seed's own activation files, read and written."""

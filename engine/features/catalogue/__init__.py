"""What a scan found, on disk: the feature catalogue, its columns, its codes, and their order."""

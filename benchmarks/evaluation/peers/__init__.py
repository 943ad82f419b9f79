"""What runs in the environments of the other libraries."""

"""What the app knows, one subject a file; it says by itself what of it changed."""

"""What the app knows, one subject a file. No Textual and no I/O in here."""

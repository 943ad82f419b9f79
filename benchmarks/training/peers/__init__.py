"""The other libraries, each trained by its own loop: one file a library."""

"""Tokens per second of a capture, beside the model alone and other ways to have activations."""

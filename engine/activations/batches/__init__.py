"""Activations to train on, without end, in random order: from a store, or a model at work."""

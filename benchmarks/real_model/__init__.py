"""The default recipes on a model that people use: a corpus for it, and what is made of it."""

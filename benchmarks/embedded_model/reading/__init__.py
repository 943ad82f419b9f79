"""Reads generated text back: by the grammars of the corpus, and as Python."""

"""The embedded model, its prompts, and the corpus that it was trained on."""

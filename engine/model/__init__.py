"""A causal language model: load it, tokenise for it, name its sites, observe, edit, generate."""

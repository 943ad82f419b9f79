"""How the embedded model is trained: recipe, tokenizer, rows of tokens, the loop, the loss."""

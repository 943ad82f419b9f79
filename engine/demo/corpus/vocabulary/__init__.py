"""What the grammars write about: words by what they are, and facts of the world."""

"""What terminals need: keys in turn, ASCII alone, escapes in what is typed."""

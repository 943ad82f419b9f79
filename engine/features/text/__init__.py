"""The text behind the tokens of an activation set, and the search for patterns in it."""

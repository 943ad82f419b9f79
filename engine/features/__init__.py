"""What an SAE learned: one pass over all features, and everything that reads its result."""

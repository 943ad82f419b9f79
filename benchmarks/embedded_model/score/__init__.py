"""The concept score: what an SAE found of the concepts that the corpus is known to hold."""

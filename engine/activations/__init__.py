"""What was observed: corpora, the sharded store, shuffled reading, the seed's own format."""

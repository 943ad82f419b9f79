"""Our evaluation beside SAELens' and SAEBench's: the same autoencoder, model and tokens."""

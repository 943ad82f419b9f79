"""The making of the table of published autoencoders (`engine.sae.published`)."""

"""Training one or several autoencoders from one stream, step by step, so that it can be resumed."""

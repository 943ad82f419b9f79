"""The sparse autoencoder: configuration, architectures, training, evaluation, file formats."""

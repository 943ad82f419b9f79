"""How good an autoencoder is: on activations alone, and inside the model that they come from."""

"""How large the autoencoders are that both sides make."""

D_IN, D_OUT, D_SAE, K = 48, 40, 256, 16
GROUPS = (32, 64, 160)
"""Matryoshka's."""
VECTORS = 256
THRESHOLD = 0.4
"""About which thresholds are drawn."""

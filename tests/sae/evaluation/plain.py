"""The least that an autoencoder is, so that tests of what uses one depend on no architecture."""

import torch
from torch import Tensor, nn

from engine.sae.config import SAEConfig


class PlainSAE(nn.Module):
    """acts = relu(x @ W_enc + b_enc) or without the ReLU, decoded linearly."""

    active_threshold = 0.1

    def __init__(self, W_enc: Tensor, W_dec: Tensor, *, bias: float = 0.0, relu: bool = True):
        super().__init__()
        d_in, d_sae = W_enc.shape
        d_out = W_dec.shape[1]
        self.config = SAEConfig(
            architecture="relu", d_in=d_in, d_sae=d_sae, d_out=None if d_out == d_in else d_out
        )
        self.W_enc, self.W_dec = W_enc, W_dec
        self.b_enc = torch.full((d_sae,), bias)
        self.b_dec = torch.linspace(-bias, bias, d_out)
        self.relu = relu

    @classmethod
    def random(cls, d_in: int, d_sae: int, d_out: int | None = None, seed: int = 0) -> "PlainSAE":
        """Some of whose features are active."""
        generator = torch.Generator().manual_seed(seed)
        W_enc = torch.randn(d_in, d_sae, generator=generator) / d_in**0.5
        W_dec = torch.randn(d_sae, d_out or d_in, generator=generator) / d_sae**0.5
        return cls(W_enc, W_dec, bias=0.05)

    @classmethod
    def identity(cls, d: int) -> "PlainSAE":
        """Which reconstructs perfectly, to the bit."""
        return cls(torch.eye(d), torch.eye(d), relu=False)

    @classmethod
    def zero(cls, d: int) -> "PlainSAE":
        """Which knows nothing."""
        return cls(torch.zeros(d, 3), torch.zeros(3, d))

    def encode(self, x: Tensor) -> Tensor:
        acts = x.float() @ self.W_enc + self.b_enc
        return acts.relu() if self.relu else acts

    def decode(self, acts: Tensor, x: Tensor | None = None) -> Tensor:
        return acts @ self.W_dec + self.b_dec

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x), x)

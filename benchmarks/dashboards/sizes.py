"""What is looked at. No torch here."""

from typing import NamedTuple


class Size(NamedTuple):
    """A model, a sparse autoencoder and a corpus."""

    d_model: int
    layers: int
    vocabulary: int
    width: int
    """Features of the autoencoder."""
    prompts: int
    """Documents of `CONTEXT` tokens."""

    @property
    def tokens(self) -> int:
        """All of them, BOS included."""
        return self.prompts * CONTEXT


CONTEXT = 128
"""Tokens of a prompt, SAEDashboard's default."""
BATCH = 128
"""Features that SAEDashboard works on at a time, and writes into one file: its default."""
LAYER = 1
"""What leaves it is observed."""
SITE = f"resid_post.{LAYER}"
HOOK = f"blocks.{LAYER}.hook_resid_post"
K = 32
"""Of topk: features kept for each token."""
ARCHITECTURES = ("jumprelu", "topk")

SIZES = {
    "tiny": Size(32, 3, 512, 512, 256),
    "S": Size(256, 3, 4_096, 4_096, 4_096),
}
"""`tiny` is there to try the command."""

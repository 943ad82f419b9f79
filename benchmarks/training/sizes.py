"""The sizes at which trainers are compared."""

from typing import NamedTuple


class Size(NamedTuple):
    """What is trained on what."""

    d_in: int
    """Width of the activations."""
    width: int
    """Features of the autoencoder."""
    batch: int
    """Activation vectors a step."""
    pool: int
    """Training vectors that a run cycles through."""

    @property
    def step_operations(self) -> int:
        """Of the one dense product that a step can't do without: every feature of every vector."""
        return 2 * self.batch * self.d_in * self.width


SIZES = {
    "tiny": Size(64, 512, 256, 2**13),
    "S": Size(256, 4_096, 2_048, 2**20),
    "M": Size(768, 12_288, 2_048, 2**17),
    "seed": Size(1_152, 24_576, 1_024, 2**16),
    "real": Size(576, 4_096, 2_048, 2**19),
    "real-wide": Size(576, 16_384, 1_024, 2**19),
}
"""`tiny` is there to try the commands; `seed` is the width of the study this project grew from, and
`real` that of SmolLM2-135M."""

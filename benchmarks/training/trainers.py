"""Who is compared with whom. No torch here."""

from collections.abc import Sequence
from typing import NamedTuple

ARCHITECTURES = ("topk", "batchtopk", "jumprelu", "relu", "gated", "matryoshka")
OURS = "ours"
PRODUCTS = "products"
"""Not a trainer: the rates of matrix products, measured among them."""


class Entry(NamedTuple):
    """A way to train."""

    module: str
    """Has `train(job, variant)`."""
    variant: str
    """Which of the library's own options are set."""
    architectures: tuple[str, ...]
    products: int
    """Roughly how many times the encoder's fp32 product a step takes, for estimates of time."""


TRAINERS = {
    OURS: Entry("benchmarks.training.ours", "", ARCHITECTURES, 4),
    "sparsify": Entry("benchmarks.training.peers.sparsify", "signum", ("topk",), 4),
    "sparsify-adam": Entry("benchmarks.training.peers.sparsify", "adam", ("topk",), 4),
    "saelens": Entry("benchmarks.training.peers.saelens", "default", ARCHITECTURES, 15),
    "saelens-bf16": Entry("benchmarks.training.peers.saelens", "bf16", ARCHITECTURES, 10),
    "saelens-sparse": Entry("benchmarks.training.peers.saelens", "sparse", ("topk",), 10),
    "dictionary-learning": Entry(
        "benchmarks.training.peers.dictionary_learning", "default", ARCHITECTURES, 15
    ),
}
"""`sparsify` is schedule-free signSGD, its default; `saelens-bf16` is its `autocast=True`;
`saelens-sparse` its sparse activations without the rescaling by decoder norms."""


def contestants(architecture: str, only: Sequence[str] = ()) -> list[str]:
    """Ours and the peers that have the architecture; of these, those in `only` if it is given."""
    return [
        name
        for name, entry in TRAINERS.items()
        if architecture in entry.architectures and (name == OURS or not only or name in only)
    ]


def matryoshka_groups(width: int) -> list[int]:
    """Features in each nested group: 1/32, 1/16, 1/8, 1/4 and the rest (dictionary_learning's
    recommendation)."""
    groups = [width // 32, width // 16, width // 8, width // 4]
    return [*groups, width - sum(groups)]

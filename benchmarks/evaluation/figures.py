"""Which of the others' figures is which of ours, and what makes them differ where they do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Same:
    """A figure that must be the same."""

    ours: str
    theirs: str
    as_ours: Callable[[float, Mapping[str, int]], float] = lambda value, sizes: value
    """Theirs in our units, given `d_in` and the `tokens` of a batch."""
    note: str = ""
    peers: tuple[str, ...] = ("saelens", "saebench")


SAME = (
    Same("l0", "l0"),
    Same("cosine", "cossim"),
    Same("norm_ratio", "l2_ratio"),
    Same("dead_fraction", "dead"),
    Same(
        "explained_variance",
        "explained_variance",
        peers=("saelens",),
    ),
    Same(
        "explained_variance",
        "explained_variance_by_the_variance",
        peers=("saebench",),
        note="with the mean where its formula has the mean of squares, see below",
    ),
    Same(
        "mse",
        "mse",
        lambda value, sizes: value / sizes["d_in"],
        peers=("saelens",),
        note="theirs is a sum over dimensions",
    ),
    Same(
        "mse",
        "mse",
        lambda value, sizes: value * sizes["tokens"] / sizes["d_in"],
        peers=("saebench",),
        note="theirs is that sum, divided by the tokens of a batch",
    ),
    Same("ce_clean", "ce_loss_without_sae"),
    Same("ce_sae", "ce_loss_with_sae"),
    Same(
        "ce_zero_everywhere",
        "ce_loss_with_ablation",
        note="they put 0 at BOS, too: ours with --keep-sinks",
    ),
    Same(
        "kl",
        "kl_inside",
        peers=("saelens",),
        note="at the tokens that have a next one",
    ),
)
"""In the order of the table."""

DIFFERENT = (
    ("ce_zero", "ce_loss_with_ablation", "they put 0 at BOS, too; ours keeps it"),
    ("ce_score", "ce_loss_score", "follows from that"),
    ("kl", "kl_div_with_sae", "they count the last token of a window, too"),
    (
        "explained_variance",
        "explained_variance",
        "of SAEBench: its formula has the mean of x² where the mean of x belongs",
    ),
)
"""Ours, theirs, and why they are not the same."""

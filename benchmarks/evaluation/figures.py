"""Which of the others' figures is which of ours, and what makes them differ where they do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

PEERS = {"saelens": "SAELens", "saebench": "SAEBench"}


BATCH = 16
"""Windows that each of them reads at once."""


@dataclass(frozen=True)
class Pair:
    """A figure of ours, and one of theirs."""

    ours: str
    theirs: str
    as_ours: Callable[[float, Mapping[str, int]], float] = lambda value, sizes: value
    """Theirs in our units, given `d_in` and the `tokens` of a batch."""
    note: str = ""
    peers: tuple[str, ...] = ("saelens", "saebench")


SAME = (
    Pair("l0", "l0"),
    Pair("cosine", "cossim"),
    Pair("norm_ratio", "l2_ratio"),
    Pair("dead_fraction", "dead"),
    Pair(
        "explained_variance",
        "explained_variance",
        peers=("saelens",),
    ),
    Pair(
        "explained_variance",
        "explained_variance_by_the_variance",
        peers=("saebench",),
        note="SAEBench's with its formula mended, see below",
    ),
    Pair(
        "mse",
        "mse",
        lambda value, sizes: value / sizes["d_in"],
        peers=("saelens",),
        note="SAELens' is a sum over dimensions",
    ),
    Pair(
        "mse",
        "mse",
        lambda value, sizes: value * sizes["tokens"] / sizes["d_in"],
        peers=("saebench",),
        note="SAEBench's is that sum over the tokens of a batch",
    ),
    Pair("ce_clean", "ce_loss_without_sae"),
    Pair("ce_sae", "ce_loss_with_sae"),
    Pair(
        "ce_zero_everywhere",
        "ce_loss_with_ablation",
        note="they put 0 at BOS, too: ours with --keep-sinks",
    ),
    Pair(
        "kl",
        "kl_inside",
        peers=("saelens",),
        note="SAELens' at the tokens that have a next one",
    ),
)
"""In the order of the table."""

DIFFERENT = (
    Pair("ce_zero", "ce_loss_with_ablation", note="they put 0 at BOS, too, and ours keeps it"),
    Pair("ce_score", "ce_loss_score", note="follows from that"),
    Pair("kl", "kl_div_with_sae", note="they count the last token of a window, too"),
    Pair(
        "explained_variance",
        "explained_variance",
        peers=("saebench",),
        note="its formula has the mean of x² where the mean of x belongs",
    ),
)
"""Figures of one name, or nearly, that are not the same."""

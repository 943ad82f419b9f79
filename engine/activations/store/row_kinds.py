"""What a row of an activation set is: text, or something that training and figures leave out.

Torch-free. A row is of one kind, the first of these that holds:

    non-finite   a number in it is NaN or infinite
    start        what the tokenizer puts before a text: BOS, or a prefix such as `[gMASK] <sop>`
    special      another special token of a chat template, where prompts were put into one
    sink         its norm is more than a multiple of the median norm of the set's text
    text         all else

Sinks are told by measurement and not by name. Many models park an activation on some token that
others then attend to when they have nothing to say: on the first one of whatever they read, or on
delimiters (Xiao et al. 2023, arXiv:2309.17453; Sun et al. 2024, "Massive Activations in Large
Language Models", arXiv:2402.17762). It says nothing of the text, and is so large that it would rule
every loss, scale, variance and maximum.

The multiple is 10, as dictionary_learning's `max_activation_norm_multiple`. In SmolLM2-135M, where
a first token is a sink, the norms of sinks at resid_post.11 to resid_post.28 are 10.5 to 206 times
the median and those of all other tokens at most 1.7 times. In models without sinks the longest
text of any site is 3.0 (residual stream) to 6.4 (an MLP) times as long as the median, so that no
text is lost. Where a model's massive activations grow and vanish, in its first and its last layers,
some are not that long: in SmolLM2 5 to 12 times at resid_post.2 to 8, and 5.9 to 9.8 times at
resid_post.29. `python -m benchmarks.sinks MODEL TEXT` prints such figures of any model.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.activations.store.row_summary import SINK_MULTIPLE, RowChoice, RowKind, SinkRule

Norms = NDArray[np.float32]
Kinds = NDArray[np.uint8]


def measure_rule(
    norms: Callable[[], Iterable[Norms]], multiple: float = SINK_MULTIPLE
) -> SinkRule | None:
    """The rule of norms that are given in parts, as often as asked for; None if there are none.

    They are those of text alone: what is NaN or 0 among them is passed over. Memory: 1 MB.
    """
    median = _lower_median(lambda: (part[part > 0] for part in norms()))
    return None if median is None else SinkRule.of_median(median, multiple)


def kinds_of(
    norms: Norms,
    token_ids: NDArray[np.integer[Any]],
    *,
    start_ids: Sequence[int],
    special_ids: Sequence[int] = (),
    rule: SinkRule | None,
) -> Kinds:
    """The kinds [...] of rows with these norms [...] (NaN: not finite) and token ids [...]."""
    is_sink = np.zeros(norms.shape, bool) if rule is None else norms > np.float32(rule.max_norm)
    kinds = np.where(is_sink, np.uint8(RowKind.SINK), np.uint8(RowKind.TEXT))
    kinds[np.isin(token_ids, special_ids)] = RowKind.SPECIAL
    kinds[np.isin(token_ids, start_ids)] = RowKind.START
    kinds[~np.isfinite(norms)] = RowKind.NONFINITE
    return kinds


def are_taken(kinds: Kinds, choice: RowChoice = "text") -> NDArray[np.bool_]:
    """Which rows [...] of these kinds [...] are taken."""
    left_out: dict[RowChoice, set[RowKind]] = {
        "text": set(RowKind) - {RowKind.TEXT},
        "finite": {RowKind.NONFINITE},
        "behind_start": {RowKind.NONFINITE, RowKind.START},
    }
    return np.isin(kinds, list(left_out[choice]), invert=True)


def _lower_median(parts: Callable[[], Iterable[Norms]]) -> float | None:
    """The median of positive numbers, in two passes of counting: first by the upper 16 bits of each
    (positive floats are in the order of their bits), then, of those that share the median's, by the
    lower ones."""
    upper = np.zeros(1 << 16, np.int64)
    for part in parts():
        upper += np.bincount(part.view(np.uint32) >> 16, minlength=1 << 16)
    if not upper.any():
        return None
    high, rank = _bin_of(upper, (int(upper.sum()) - 1) // 2)
    lower = np.zeros(1 << 16, np.int64)
    for part in parts():
        bits = part.view(np.uint32)
        lower += np.bincount(bits[bits >> 16 == high] & 0xFFFF, minlength=1 << 16)
    low, _ = _bin_of(lower, rank)
    return float(np.array(high << 16 | low, np.uint32).view(np.float32))


def _bin_of(counts: NDArray[np.int64], rank: int) -> tuple[int, int]:
    """The bin that holds what has so many before it, and how many of these are in that bin."""
    up_to = np.cumsum(counts)
    place = int(np.searchsorted(up_to, rank, side="right"))
    return place, rank - int(up_to[place] - counts[place])

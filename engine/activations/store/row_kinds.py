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

import enum
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Literal, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

SINK_MULTIPLE = 10.0

Norms = NDArray[np.float32]
Kinds = NDArray[np.uint8]
RowChoice = Literal["text", "finite", "behind_start"]
"""Which rows are taken: those of text; all that are finite; or, as versions before sinks were known
of took them, all that are finite and don't stand before a text."""
Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 48)]


class RowKind(enum.IntEnum):
    """What a row is, as the module's docstring says; the numbers are those in `row_kinds.npy`."""

    TEXT = 0
    START = 1
    SPECIAL = 2
    SINK = 3
    NONFINITE = 4


class SinkRule(msgspec.Struct, frozen=True, kw_only=True):
    """Which norms are those of sinks, at one site of one model."""

    multiple: float
    """How many times the median."""
    median_norm: float
    """Median norm of the rows of text that are not 0; of an even number, the lower one of the two
    in the middle."""
    max_norm: float
    """The longest activation that is no sink: multiple · median_norm, rounded to float32 so that
    whoever compares with it says the same."""

    @classmethod
    def of_median(cls, median_norm: float, multiple: float = SINK_MULTIPLE) -> Self:
        """The rule that follows from the median norm of some text."""
        max_norm = min(multiple * median_norm, float(np.finfo(np.float32).max))
        return cls(multiple=multiple, median_norm=median_norm, max_norm=float(np.float32(max_norm)))


class RowCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows are of each kind."""

    text: Count = 0
    start: Count = 0
    special: Count = 0
    sink: Count = 0
    nonfinite: Count = 0

    @classmethod
    def of_kinds(cls, kinds: Kinds) -> Self:
        """The counts of some rows' kinds [rows]."""
        counts = np.bincount(kinds, minlength=len(RowKind)).tolist()
        return cls(**{kind.name.lower(): counts[kind] for kind in RowKind})

    def __add__(self, other: Self) -> Self:
        names = self.__struct_fields__
        return type(self)(**{name: getattr(self, name) + getattr(other, name) for name in names})


class RowSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of an activation set's rows."""

    rule: SinkRule | None
    """None: there was no text to measure a median of, so nothing is taken for a sink."""
    counts: RowCounts

    @property
    def sentence(self) -> str:
        """How many rows are sinks or not finite, for a person; empty where none is."""
        counts, rule = self.counts, self.rule
        parts = []
        if rule is not None and counts.sink:
            parts.append(
                f"{counts.sink:,} {'is a sink' if counts.sink == 1 else 'are sinks'}, longer than"
                f" {rule.max_norm:,.4g} ({rule.multiple:g} × the median norm)"
            )
        if counts.nonfinite:
            holds = "holds" if counts.nonfinite == 1 else "hold"
            parts.append(f"{counts.nonfinite:,} {holds} NaN or infinity")
        total = sum(msgspec.structs.astuple(counts))
        return f"Of {total:,} activations {', and '.join(parts)}." if parts else ""


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


def row_choice(*, keep_sinks: bool) -> RowChoice:
    """What training and figures take: text, or with `keep_sinks` all that is finite."""
    return "finite" if keep_sinks else "text"


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

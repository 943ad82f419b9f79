"""What was measured of the rows of an activation set: how many are of which kind, and the rule by
which some are sinks. What the kinds are is said in `engine.activations.store.row_kinds`.

Free of torch and numpy, since it is part of what jobs and lists show.
"""

import enum
from typing import TYPE_CHECKING, Annotated, Literal, Self

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SINK_MULTIPLE = 10.0

RowChoice = Literal["text", "finite", "behind_start"]
"""Which rows are taken: those of text; all that are finite; or, as versions before sinks were known
of took them, all that are finite and don't stand before a text."""
Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 48)]


class RowKind(enum.IntEnum):
    """What a row is (`engine.activations.store.row_kinds`); the numbers in `row_kinds.npy`."""

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
        import numpy as np  # late: who only reads rules starts sooner without

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
    def of_kinds(cls, kinds: "NDArray[np.uint8]") -> Self:
        """The counts of some rows' kinds [rows]."""
        import numpy as np

        counts = np.bincount(kinds, minlength=len(RowKind)).tolist()
        return cls(**{kind.name.lower(): counts[kind] for kind in RowKind})


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


def row_choice(*, keep_sinks: bool) -> RowChoice:
    """What training and figures take: text, or with `keep_sinks` all that is finite."""
    return "finite" if keep_sinks else "text"

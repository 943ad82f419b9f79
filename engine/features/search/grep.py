"""Which features tell where a pattern matches, over all features at once (no torch here)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.features.catalogue.catalogue import Example
from engine.features.catalogue.codes import Codes
from engine.features.text.token_texts import Ints, PatternMatches

_PLACES = 1 << 20
"""Active tokens looked at in one go: what is needed of them stays in the processor's cache."""

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class PatternScores:
    """How well each feature tells where a pattern matches. All [features]."""

    precision: Shares
    """Share of its active tokens that lie in a match; 0 for a feature that is never active."""
    recall: Shares
    """Share of the matches in which it is active on some token."""
    f1: Shares
    """2 · precision · recall / (precision + recall): van Rijsbergen's F, both weighed alike."""
    active: Ints
    """How many tokens it is active on."""

    def best(self, most: int) -> Ints:
        """The `most` features with the largest F1 above 0, largest first; of equals the lower."""
        order = np.argsort(-self.f1, kind="stable")[:most]
        return order[self.f1[order] > 0]


class PatternExamples(NamedTuple):
    """Where one feature is right and wrong about a pattern."""

    hits: list[Example]
    """The strongest activation in each match in which it is active, strongest first."""
    misses: list[Example]
    """The first token of each match in which it isn't."""
    false_alarms: list[Example]
    """Where it is active outside of all matches, strongest first."""


class PatternEvaluation:
    """How features answer to the matches of a pattern in the text of a catalogue's codes."""

    def __init__(self, codes: Codes, matches: PatternMatches) -> None:
        """`matches` counts tokens as `codes` counts rows."""
        self._codes = codes
        self._matches = matches
        rows = np.arange(codes.tokens)
        # row r lies in the matches from first[r] to before last[r], and both grow with r
        self._first = np.searchsorted(matches.last, rows, side="right").astype(np.int32)
        self._last = np.searchsorted(matches.first, rows, side="right").astype(np.int32)

    @property
    def tokens(self) -> NDArray[np.bool_]:
        """[rows]: whether each row of the codes lies in a match."""
        return np.asarray(self._first < self._last)

    def scores(self) -> PatternScores:
        """How well every feature tells where the pattern matches."""
        starts = np.asarray(self._codes.starts)
        active = np.diff(starts)
        inside, answered = np.zeros_like(active), np.zeros_like(active)
        for block in _blocks(starts):
            rows = self._codes.rows[starts[block.start] : starts[block.stop]]
            first, last = self._first[rows], self._last[rows]
            bounds = starts[block.start : block.stop + 1] - starts[block.start]
            inside[block] = _sums(first < last, bounds)
            answered[block] = _sums(last - np.maximum(first, _before(last, bounds)), bounds)
        precision = inside / np.maximum(active, 1)
        recall = answered / max(1, len(self._matches))
        total = precision + recall
        f1 = 2 * precision * recall / np.where(total > 0, total, 1)
        return PatternScores(precision, recall, f1, active)

    def examples(self, feature: int, most: int) -> PatternExamples:
        """Where one feature is right and wrong: `most` places of each kind, from as many documents
        as there are."""
        rows, values = self._codes.active(feature)
        strongest_first = np.argsort(-values, kind="stable")
        rows, values = rows[strongest_first], values[strongest_first]
        first, last = self._first[rows], self._last[rows]
        alarms = np.flatnonzero(first == last)
        tokens, matches = _pairs(first, last)
        hits = tokens[_first_of_each(matches)]
        unanswered = np.ones(len(self._matches), np.bool_)
        unanswered[matches] = False
        missed = self._matches.first[unanswered]
        return PatternExamples(
            hits=self._spread(rows[hits], values[hits], most),
            misses=self._spread(missed, np.zeros(len(missed), np.float32), most),
            false_alarms=self._spread(rows[alarms], values[alarms], most),
        )

    def _spread(self, rows: Ints, values: NDArray[np.float32], most: int) -> list[Example]:
        """`most` of some rows, as places in their order: one a document before any second one."""
        once = _first_of_each(rows)  # a token may lie in several matches
        documents, positions = self._codes.places(rows[once])
        one_each = np.zeros(len(once), np.bool_)
        one_each[_first_of_each(documents)] = True
        chosen = np.concatenate([np.flatnonzero(one_each), np.flatnonzero(~one_each)])[:most]
        return [
            Example(int(documents[i]), int(positions[i]), float(values[once[i]]))
            for i in np.sort(chosen)
        ]


def _blocks(starts: Ints) -> Iterator[slice]:
    """All features, in stretches with about as many active tokens each."""
    whole = np.arange(0, starts[-1], _PLACES)
    edges = np.unique(np.append(np.searchsorted(starts, whole, side="right") - 1, len(starts) - 1))
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        yield slice(first, last)


def _before(last: Ints, bounds: Ints) -> Ints:
    """At each active token, the matches that had begun at the feature's active token before it.

    In those the feature was active already, and counts no more. `bounds` [features + 1] are the
    places in `last` at which each feature's active tokens begin.
    """
    before = np.zeros_like(last)
    before[1:] = last[:-1]
    begins = bounds[:-1]
    before[begins[begins < len(before)]] = 0
    return before


def _sums(values: Ints | NDArray[np.bool_], bounds: Ints) -> Ints:
    """Σ of the values from bounds[i] to before bounds[i + 1], for every i."""
    sums = np.concatenate([[0], np.cumsum(values)])
    return np.diff(sums[bounds])


def _pairs(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """Every i together with every number from first[i] to before last[i]."""
    lengths = last - first
    index = np.repeat(np.arange(len(first)), lengths)
    return index, np.arange(len(index)) + np.repeat(last - np.cumsum(lengths), lengths)


def _first_of_each(keys: Ints) -> Ints:
    """The indices, ascending, at which a key stands for the first time. Keys aren't negative."""
    backwards = np.arange(len(keys))[::-1]
    first = np.full(keys.max(initial=-1) + 1, -1)
    first[keys[backwards]] = backwards  # of several, the last one stays
    is_first = np.zeros(len(keys), np.bool_)
    is_first[first[first >= 0]] = True
    return np.flatnonzero(is_first)

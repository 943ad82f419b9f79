"""Which features' texts match a pattern, for all features at once (no torch here).

A pattern is looked for once in the text of all tokens that lie in any example; which features that
concerns is then told from the places of its matches.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.activations.store.tokens import TokenTable
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.text.example_texts import Bools, ExampleTexts, Ints, Windows
from engine.features.text.patterns import TimedPattern

AT_ONCE = 1 << 22
"""Tokens, roughly, whose text is held in memory at a time."""


class CatalogueTexts:
    """The texts of a catalogue's features, as filters ask for them (`FeatureTexts`).

    Each method looks for a pattern, and raises UserError when the time for it is up.
    """

    def __init__(self, catalogue: Catalogue, tokens: TokenTable | None) -> None:
        """`tokens` is the table of the set that was scanned; None if that was deleted."""
        self._catalogue = catalogue
        self._tokens = tokens

    def snippet(self, pattern: TimedPattern) -> Bools:
        """For which features a match lies wholly within one of their examples: [features]."""
        windows, which = self._windows
        holds = np.zeros(len(windows) + 1, dtype=np.bool_)  # the last: no window
        anything = pattern.is_in("")
        for examples in self._examples():
            if anything:
                holds[examples.windows] = True
            else:
                whole, cut = examples.holding(examples.texts.matches(pattern))
                holds[examples.windows] = whole
                self._look_closer(examples, cut, holds, pattern)
        return np.asarray(holds[which].any(axis=1))

    def peak(self, pattern: TimedPattern) -> Bools:
        """For which features the token at an example's peak, or the word around it, has a match."""
        windows, which = self._windows
        texts, places = self._peaks
        holds = np.zeros(len(windows) + 1, dtype=np.bool_)
        holds[:-1] = _holding(pattern, texts)[places].any(axis=1)
        return np.asarray(holds[which].any(axis=1))

    def promoted(self, pattern: TimedPattern) -> Bools:
        """For which features one of the tokens that it promotes has a match: [features]."""
        return self._token_mask("promoted", pattern)

    def suppressed(self, pattern: TimedPattern) -> Bools:
        """For which features one of the tokens that it suppresses has a match: [features]."""
        return self._token_mask("suppressed", pattern)

    @property
    def _table(self) -> TokenTable:
        if self._tokens is None:
            raise UserError(
                f"The activation set {self._catalogue.manifest.activations!r} was deleted, and the "
                "texts of the examples with it.",
                "Filter by something else than snippet and peak.",
            )
        return self._tokens

    def _examples(self) -> Iterator[ExampleTexts]:
        """All examples, so many at a time as memory allows; if those are all, they are kept."""
        if len(self._parts) == 1:
            yield self._only
        else:
            for part in self._parts:
                yield ExampleTexts.read(self._table, self._windows[0], *part)

    def _look_closer(
        self, examples: ExampleTexts, cut: Bools, holds: Bools, pattern: TimedPattern
    ) -> None:
        """Look into windows that hold a piece of a match, where a feature depends on it: a match
        that reaches over an end, as one of `a.*b` may, can hide another one within."""
        _, which = self._windows
        unsure = np.zeros_like(holds)
        unsure[examples.windows] = cut
        found = holds[which].any(axis=1)
        for column in which.T:
            of_others = column[~found]
            asked = np.unique(of_others[unsure[of_others]])
            for window in asked.tolist():
                begin, end = examples.text(window - examples.windows.start)
                holds[window] = pattern.is_in(examples.texts.joined, begin, end)
            unsure[asked] = False
            found |= holds[column]

    @cached_property
    def _windows(self) -> tuple[Windows, Ints]:
        return Windows.of(self._catalogue, self._table)

    @cached_property
    def _parts(self) -> list[tuple[slice, Ints, Ints]]:
        return list(self._windows[0].parts(AT_ONCE))

    @cached_property
    def _only(self) -> ExampleTexts:
        return ExampleTexts.read(self._table, self._windows[0], *self._parts[0])

    @cached_property
    def _peaks(self) -> tuple[list[str], Ints]:
        """Every token and every word at a peak once, and each window's two: [windows, 2]."""
        places: dict[str, int] = {}
        found: list[int] = []
        for examples in self._examples():
            for text in (text for both in examples.words() for text in both):
                found.append(places.setdefault(text, len(places)))
        return list(places), np.array(found, dtype=np.intp).reshape(-1, 2)

    def _token_mask(self, which: str, pattern: TimedPattern) -> Bools:
        ids = self._catalogue.token_effects(which)
        if ids is None:
            raise UserError(
                f"It isn't known which tokens are {which}: the scan is not done, or had no model.",
                "Scan the SAE again where its model is.",
            )
        vocabulary = self._catalogue.vocabulary
        named = np.flatnonzero(np.bincount(ids.ravel()))
        holds = np.zeros(len(vocabulary), dtype=np.bool_)
        holds[named] = _holding(pattern, [vocabulary[id] for id in named.tolist()])
        return np.asarray(holds[ids].any(axis=1))


def _holding(pattern: TimedPattern, texts: Iterable[str]) -> NDArray[np.bool_]:
    """Which texts hold a match, as they are or without the space around them."""
    found = [any(map(pattern.is_in, {text, text.strip()})) for text in texts]
    return np.array(found, dtype=np.bool_)

"""Which features' texts match a pattern, for all features at once (no torch here).

A pattern is looked for once in the text of all tokens that lie in any example; which features that
concerns is then told from the places of its matches.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.activations.tokens import TokenTable
from engine.errors import UserError
from engine.features.arrays import load_array
from engine.features.catalogue import Catalogue
from engine.features.example_texts import ExampleTexts, Ints, Mask, Windows
from engine.features.patterns import Pattern, Stopwatch

AT_ONCE = 1 << 22
"""Tokens, roughly, whose text is held in memory at a time."""


class CatalogueTexts:
    """The texts of a catalogue's features, as `engine.features.filter.Texts` has them."""

    def __init__(self, catalogue: Catalogue, tokens: TokenTable | None) -> None:
        """`tokens` is the table of the set that was scanned; None if that was deleted."""
        self._catalogue = catalogue
        self._tokens = tokens

    def snippet(self, pattern: Pattern) -> Mask:
        """For which features a match lies wholly within one of their examples: [features]."""
        mask = self._none()
        stopwatch = Stopwatch(pattern)
        anything = stopwatch.found("")
        for examples in self._examples():
            features = examples.windows.features
            if anything:
                mask[features] = True
                continue
            whole, cut = examples.holding(examples.texts.matches(pattern))
            mask[features[whole]] = True
            # A match that reaches over an end, as one of `a.*b` may, can hide another within.
            for window in np.flatnonzero(cut & ~mask[features]).tolist():
                begin, end = examples.text(window)
                if not mask[features[window]]:
                    mask[features[window]] = stopwatch.found(examples.texts.joined, begin, end)
        return mask

    def peak(self, pattern: Pattern) -> Mask:
        """For which features the token at an example's peak, or the word around it, has a match."""
        texts, features, places = self._peaks
        mask = self._none()
        mask[features[_holding(pattern, texts)[places]]] = True
        return mask

    def promoted(self, pattern: Pattern) -> Mask:
        """For which features one of the tokens that it promotes has a match: [features]."""
        return self._moved("promoted", pattern)

    def suppressed(self, pattern: Pattern) -> Mask:
        """For which features one of the tokens that it suppresses has a match: [features]."""
        return self._moved("suppressed", pattern)

    def _none(self) -> Mask:
        return np.zeros(len(self._catalogue), dtype=np.bool_)

    def _examples(self) -> Iterator[ExampleTexts]:
        """All examples, so many at a time as memory allows; if those are all, they are kept."""
        if self._tokens is None:
            raise UserError(
                f"The activation set {self._catalogue.manifest.activations!r} was deleted, and the "
                "texts of the examples with it.",
                "Filter by something else than snippet and peak.",
            )
        if len(self._parts) == 1:
            yield self._only
        else:
            for part in self._parts:
                yield ExampleTexts.read(self._tokens, *part)

    @cached_property
    def _parts(self) -> list[tuple[Windows, Ints, Ints]]:
        assert self._tokens is not None
        return list(Windows.of(self._catalogue, self._tokens).parts(AT_ONCE))

    @cached_property
    def _only(self) -> ExampleTexts:
        assert self._tokens is not None
        return ExampleTexts.read(self._tokens, *self._parts[0])

    @cached_property
    def _peaks(self) -> tuple[list[str], Ints, Ints]:
        """Every token and every word at a peak once, and pairs of features and places there."""
        places: dict[str, int] = {}
        features: list[Ints] = [np.empty(0, np.intp)]
        found: list[int] = []
        for examples in self._examples():
            features.append(np.repeat(examples.windows.features, 2))
            for text in (text for both in examples.words() for text in both):
                found.append(places.setdefault(text, len(places)))
        return list(places), np.concatenate(features), np.array(found, dtype=np.intp)

    @cached_property
    def _vocabulary(self) -> list[str]:
        path = self._catalogue.folder / "tokens" / "vocabulary.json"
        return msgspec.json.decode(path.read_bytes(), type=list[str])

    def _moved(self, which: str, pattern: Pattern) -> Mask:
        path = self._catalogue.folder / "tokens" / f"{which}.npy"
        if not path.exists():
            raise UserError(
                f"It isn't known which tokens are {which}: the scan is not done, or had no model.",
                "Scan the SAE again where its model is.",
            )
        ids = load_array(path)
        named = np.flatnonzero(np.bincount(ids.ravel()))
        holds = np.zeros(len(self._vocabulary), dtype=np.bool_)
        holds[named] = _holding(pattern, [self._vocabulary[id] for id in named.tolist()])
        return np.asarray(holds[ids].any(axis=1))


def _holding(pattern: Pattern, texts: Iterable[str]) -> NDArray[np.bool_]:
    """Which texts hold a match, as they are or without the space around them."""
    stopwatch = Stopwatch(pattern)
    found = [any(map(stopwatch.found, {text, text.strip()})) for text in texts]
    return np.array(found, dtype=np.bool_)

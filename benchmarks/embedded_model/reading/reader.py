"""Reads text by a grammar: where can what a symbol writes end?

A recogniser by recursive descent with memory (Norvig 1991): `ends(symbol, start)` is the set of
positions at which a text of `symbol` that begins at `start` can end. Remembered names are read as
any text that could have been remembered, so agreement (the same hero throughout) is not checked.
"""

import functools

from engine.demo.corpus.grammar import Grammar, Part, Slot, Tagged
from engine.demo.corpus.inflection import with_plural

Ends = frozenset[int]


class Vocabulary:
    """The words of a list-like rule, looked up by their lengths."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words = frozenset(words)
        self._lengths = sorted({len(word) for word in words})

    def ends(self, text: str, start: int) -> Ends:
        left = len(text) - start
        return frozenset(
            start + n for n in self._lengths if n <= left and text[start : start + n] in self._words
        )


@functools.cache
def _vocabulary(grammar: Grammar, symbol: str, plural: bool) -> Vocabulary | None:
    words = grammar.words(symbol) if symbol in grammar.rules else None
    if words is None:
        return None
    return Vocabulary(tuple(map(with_plural, words)) if plural else words)


class Reader:
    """One text, read by one grammar."""

    def __init__(self, grammar: Grammar, text: str) -> None:
        self._grammar = grammar
        self._text = text
        self._known: dict[tuple[str, tuple[str, ...], int], Ends] = {}

    def ends(self, symbol: str, start: int, modifiers: tuple[str, ...] = ()) -> Ends:
        """Every end of a text of `symbol` (under `modifiers`) that begins at `start`."""
        key = symbol, modifiers, start
        if key not in self._known:
            self._known[key] = self._read(symbol, start, modifiers)
        return self._known[key]

    def _read(self, symbol: str, start: int, modifiers: tuple[str, ...]) -> Ends:
        if modifiers:
            *inner, outer = modifiers
            return self._modified(symbol, start, tuple(inner), outer)
        if vocabulary := _vocabulary(self._grammar, symbol, plural=False):
            return vocabulary.ends(self._text, start)
        found: set[int] = set()
        for template in self._grammar.rules.get(symbol, ()):
            found |= self._sequence(template, start)
        for rule in self._grammar.bound.get(symbol, ()):
            found |= self.ends(rule, start)
        return frozenset(found)

    def _sequence(self, template: tuple[Part, ...], start: int) -> set[int]:
        places = {start}
        for part in template:
            places = {end for place in places for end in self._part(part, place)}
            if not places:
                break
        return places

    def _part(self, part: Part, start: int) -> Ends:
        if isinstance(part, Slot):
            if part.symbol.startswith("@"):
                return frozenset((start,))
            return self.ends(part.symbol, start, part.modifiers)
        text = part.text if isinstance(part, Tagged) else part
        return (
            frozenset((start + len(text),)) if self._text.startswith(text, start) else frozenset()
        )

    def _modified(self, symbol: str, start: int, inner: tuple[str, ...], outer: str) -> Ends:
        text = self._text
        if outer == "a":
            found: set[int] = set()
            for article in ("a ", "an "):
                if text.startswith(article, start):
                    found |= self.ends(symbol, start + len(article), inner)
            return frozenset(found)
        if outer == "capital":
            if not text[start : start + 1].isupper():
                return frozenset()
            lowered = text[:start] + text[start].lower() + text[start + 1 :]
            return self.ends(symbol, start, inner) | Reader(self._grammar, lowered).ends(
                symbol, start, inner
            )
        vocabulary = _vocabulary(self._grammar, symbol, plural=True)
        if vocabulary:
            return vocabulary.ends(text, start)
        found = set()
        for rule in self._grammar.bound.get(symbol, ()):
            found |= self.ends(rule, start, (*inner, outer))
        return frozenset(found)

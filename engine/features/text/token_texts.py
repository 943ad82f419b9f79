"""The text of many tokens of an activation set, and which character is which token's (no torch)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.activations.store.tokens import TokenTable
from engine.errors import UserError
from engine.features.catalogue.codes import Codes
from engine.features.text.patterns import TimedPattern

Ints = NDArray[np.integer[Any]]

_GAP = 4096
"""Tokens that nobody asked for are read along up to here: that is quicker than another read."""


@dataclass(frozen=True)
class PatternMatches:
    """Where a pattern matches: in token `first[i]` to before `last[i]`, in the order of the text.

    Both [matches], counted as `TokenTexts` counts tokens. Two matches may lie in the same token.
    """

    first: Ints
    last: Ints

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class TokenTexts:
    """Stretches of consecutive tokens, each with its text.

    Tokens are counted through all stretches, from 0, and so are characters. A token that begins
    every text (BOS) has no characters: it is none of the text.
    """

    rows: Ints
    """[tokens]: each token's row in the set."""
    ids: Ints
    """[tokens]: token ids."""
    bounds: Ints
    """[stretches + 1]: stretch i has the tokens from bounds[i] to before bounds[i + 1]."""
    joined: str
    """All texts, one behind the other."""
    characters: Ints
    """[tokens + 1]: token t has the characters from characters[t] to before characters[t + 1]."""

    @classmethod
    def from_codes(cls, table: TokenTable, codes: Codes) -> Self:
        """The stretches of some codes, token by token a row of these.

        Raises UserError for codes of places that the set hasn't got.
        """
        if len(codes.documents) and codes.documents[-1] >= table.manifest.documents:
            raise _damaged_codes(table)
        first = table.document_bounds[codes.documents] + codes.firsts
        last = first + np.diff(codes.bounds)
        if (last > table.document_bounds[codes.documents + 1]).any():
            raise _damaged_codes(table)
        return cls.from_rows(table, first, last)

    @classmethod
    def from_rows(cls, table: TokenTable, first: Ints, last: Ints) -> Self:
        """The rows from first[i] to before last[i] for every i, ascending and apart."""
        lengths = np.asarray(last) - first
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.repeat(first - bounds[:-1], lengths) + np.arange(bounds[-1])
        ids = _ids(table, np.asarray(first), np.asarray(last), rows, bounds)
        tokens = _spell(table, ids)
        sizes = np.fromiter(map(len, tokens), np.int64, len(tokens))
        return cls(rows, ids, bounds, "".join(tokens), np.concatenate([[0], np.cumsum(sizes)]))

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def text(self, stretch: int) -> str:
        """The text of a stretch."""
        first, last = self._ends[stretch : stretch + 2]
        return self.joined[first:last]

    def matches(self, pattern: TimedPattern) -> PatternMatches:
        """All matches of its pattern that have a character; none reaches over a stretch's end.

        Raises UserError when its time is up.
        """
        found: list[int] = []
        for stretch, start in enumerate(self._ends[:-1]):
            for first, last in pattern.spans(self.text(stretch)):
                found += (start + first, start + last)
        spans = np.array(found, np.int64).reshape(-1, 2)
        return PatternMatches(
            first=np.searchsorted(self.characters, spans[:, 0], side="right") - 1,
            last=np.searchsorted(self.characters, spans[:, 1], side="left"),
        )

    @cached_property
    def _ends(self) -> list[int]:
        """Where each stretch's characters begin, and where all end."""
        ends: list[int] = self.characters[self.bounds].tolist()
        return ends


def _ids(table: TokenTable, first: Ints, last: Ints, rows: Ints, bounds: Ints) -> Ints:
    """The token ids of `rows`: [tokens]; neighbouring stretches are read at once."""
    far = np.flatnonzero(first[1:] - last[:-1] > _GAP) + 1
    begins, ends = [0, *far.tolist()], [*far.tolist(), len(first)]
    parts: list[Ints] = [np.empty(0, np.int32)]
    if len(first):
        for begin, end in zip(begins, ends, strict=True):
            read = table.token_ids(int(first[begin]), int(last[end - 1]))
            parts.append(read[rows[bounds[begin] : bounds[end]] - first[begin]])
    return np.concatenate(parts)


def _spell(table: TokenTable, ids: Ints) -> list[str]:
    """The text of every token of `ids`: empty for BOS, which is none of the text."""
    vocabulary = np.array(table.vocabulary, dtype=object)
    known = (ids >= 0) & (ids < len(vocabulary))
    tokens = np.empty(len(ids), dtype=object)
    tokens[known] = vocabulary[ids[known]]
    tokens[~known] = [table.text(id) for id in ids[~known].tolist()]
    tokens[np.isin(ids, table.manifest.start_token_ids)] = ""
    spelled: list[str] = tokens.tolist()
    return spelled


def _damaged_codes(table: TokenTable) -> UserError:
    return UserError(
        f"The catalogue is damaged: it has codes of texts that {table.folder} hasn't got.",
        "Scan the SAE again.",
    )

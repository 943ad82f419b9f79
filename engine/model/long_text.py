"""Tokenising a text of any length in pieces, into the tokens that it has as a whole.

A tokenizer takes many times the room of a text while it works, and some more than linear time. So a
long text is read in pieces that overlap. What a token is follows from the text near by: in the
middle of an overlap, far from the ends of both pieces, they agree on the tokens and on the
characters that each stands for, and there one piece goes on for the other. Where two pieces agree
on no such stretch, they are tokenised together.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from engine.model.load import LanguageModel
from engine.model.text import encode

PIECE = 1 << 18
"""Characters of a piece."""
OVERLAP = 1 << 12
"""Characters that two pieces share."""
AGREEMENT = 32
"""Tokens on either side of a place in which two pieces must agree to be joined there."""


class _Token(NamedTuple):
    id: int
    first: int
    """Its first character in the whole text."""
    end: int


def encode_pieces(
    lm: LanguageModel,
    text: str,
    *,
    piece: int = PIECE,
    overlap: int = OVERLAP,
    agreement: int = AGREEMENT,
) -> Iterator[tuple[Tensor, float]]:
    """The token ids of `text` as `encode` gives them, in parts `[tokens]` int64, on the CPU; behind
    each, the share of the text that is read, 0 to 1.

    What stands before every text (`LanguageModel.prefix_ids`) is in the first part.
    Memory: the tokens of a piece. A tokenizer that can't say which characters a token stands for
    reads a text as a whole.
    """
    if len(text) <= piece + overlap or not lm.tokenizer.is_fast:
        yield encode(lm, text), 1.0
        return
    here, place = _read(lm, text, 0, piece + overlap), 0
    while place + piece + overlap < len(text):
        width = piece
        joined = None
        while joined is None and place + width + overlap < len(text):
            ahead = _read(lm, text, place + width, place + width + piece + overlap)
            joined = _join(here, ahead, place + width, place + width + overlap, agreement)
            if joined is None:
                width += piece
                here = _read(lm, text, place, place + width + overlap)
        if joined is None:
            break
        end, begin = joined
        yield _ids(here[:end]), here[end].first / len(text)
        here, place = ahead[begin:], place + width
    yield _ids(here), 1.0


def _ids(tokens: Sequence[_Token]) -> Tensor:
    return torch.tensor([token.id for token in tokens], dtype=torch.int64)


def _read(lm: LanguageModel, text: str, first: int, end: int) -> list[_Token]:
    """The tokens of the characters from `first` to `end`, behind what stands before every text
    where that is its beginning."""
    read = lm.tokenizer(
        text[first:end], add_special_tokens=False, return_offsets_mapping=True, verbose=False
    )
    prefix = [_Token(id, 0, 0) for id in lm.prefix_ids] if first == 0 else []
    pairs = zip(read["input_ids"], read["offset_mapping"], strict=True)
    return prefix + [_Token(id, first + begin, first + stop) for id, (begin, stop) in pairs]


def _join(
    here: Sequence[_Token], ahead: Sequence[_Token], first: int, end: int, agreement: int
) -> tuple[int, int] | None:
    """Where the second of two pieces can go on for the first, as an index into each; None: nowhere.

    `first` and `end` are those of the characters that they share.
    """
    middle = (first + end) // 2
    index = next((i for i, token in enumerate(here) if token.first >= middle), None)
    if index is None or index < agreement:
        return None
    around = list(here[index - agreement : index + agreement])
    for start in range(len(ahead)):
        if ahead[start] == around[0]:
            if list(ahead[start : start + len(around)]) == around:
                break
        elif ahead[start].first > around[0].first:
            return None
    else:
        return None
    return (index, start + agreement) if len(around) == 2 * agreement else None

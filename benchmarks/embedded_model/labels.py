"""Which concepts each token of a document carries.

A token carries a concept when one of its characters does. The space that a BPE token puts before a
word is not one of its characters here: only a token that is nothing but white space carries what
its white space means (an indent).
"""

import itertools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from engine.demo.corpus.concepts import CONCEPTS
from engine.demo.corpus.document import Document

COLUMN = {concept: column for column, concept in enumerate(CONCEPTS)}
"""Concept to its column in a table of labels."""

Labels = NDArray[np.bool_]
"""[tokens, concepts]: whether a token carries a concept."""


def labels(document: Document, offsets: Iterable[tuple[int, int]]) -> Labels:
    """Which concepts the tokens at these characters (start, end) carry."""
    carried = np.zeros((len(document.text) + 1, len(COLUMN)), dtype=np.int32)
    for span in document.spans:
        carried[span.start + 1 : span.end + 1, COLUMN[span.concept]] = 1
    before = carried.cumsum(axis=0)
    words = np.array([_word(document.text, start, end) for start, end in offsets])
    table: Labels = before[words[:, 1]] > before[words[:, 0]]
    return table


def _word(text: str, start: int, end: int) -> tuple[int, int]:
    """The characters of a token without the space before its word, if it has one."""
    blank = sum(1 for _ in itertools.takewhile(str.isspace, text[start:end]))
    return (start, end) if blank == end - start else (start + blank, end)

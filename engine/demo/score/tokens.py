"""Held-out documents as tokens that know their concepts.

A token carries a concept when one of its characters does. The space that a BPE token puts before a
word is not one of its characters here: only a token that is nothing but white space carries what
its white space means (an indent). BOS has no characters and is left out of everything, as it is
left out of training, of the feature catalogue and of interventions.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.demo.corpus.concepts import CONCEPTS
from engine.demo.corpus.document import Document
from engine.model.load import LanguageModel

COLUMN = {concept: column for column, concept in enumerate(CONCEPTS)}
"""Concept to its column in a table of labels."""

Labels = NDArray[np.bool_]
"""[tokens, concepts]: whether a token carries a concept."""


@dataclass(frozen=True)
class TaggedTokens:
    """The tokens of one document as the model reads them, at most its context."""

    token_ids: Tensor
    """[tokens] int64, BOS first."""
    labels: Labels
    """[tokens - 1, concepts]: without BOS."""


def tag_tokens(lm: LanguageModel, documents: Iterable[Document]) -> list[TaggedTokens]:
    """Each document's tokens; what is beyond the model's context is left out."""
    documents = list(documents)
    encoded = lm.tokenizer(
        [document.text for document in documents], return_offsets_mapping=True, verbose=False
    )
    return [
        TaggedTokens(torch.tensor(ids[: lm.context]), labels(document, offsets[1 : lm.context]))
        for document, ids, offsets in zip(
            documents, encoded["input_ids"], encoded["offset_mapping"], strict=True
        )
    ]


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

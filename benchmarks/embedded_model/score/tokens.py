"""Held-out documents as tokens that know their concepts.

BOS has no characters and is left out of everything, as it is left out of training, of the feature
catalogue and of interventions.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.embedded_model.labels import Labels, labels
from engine.demo.corpus.document import Document
from engine.model.load import LanguageModel


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

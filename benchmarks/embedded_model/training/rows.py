"""The corpus as the model reads it: documents one after the other, cut into rows."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from benchmarks.embedded_model.labels import COLUMN, Labels, labels
from engine.demo.corpus.generate import documents
from engine.progress import Progress

_AT_ONCE = 512


class Rows(NamedTuple):
    """What the model is trained on."""

    ids: NDArray[np.uint16]
    """[rows, context]: token ids."""
    concepts: NDArray[np.uint8]
    """[rows, context, bytes]: which concepts each token carries, a bit each (`np.packbits`)."""


def unpack_concepts(concepts: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[…, bytes] to [… , concepts] of 0 and 1."""
    return np.unpackbits(concepts, axis=-1, count=len(COLUMN)).astype(np.float32)


def token_stream(
    tokenizer: PreTrainedTokenizerFast, seed: int
) -> Iterator[tuple[list[int], Labels]]:
    """Each training document as `<bos> … <eos>`, and its labels [tokens, concepts]: no concept at
    these two."""
    eos = tokenizer.eos_token_id
    written = documents(seed)
    nothing = np.zeros((1, len(COLUMN)), np.bool_)
    while batch := list(itertools.islice(written, _AT_ONCE)):
        encoded = tokenizer(
            [document.text for document in batch], return_offsets_mapping=True, verbose=False
        )
        for document, ids, offsets in zip(
            batch, encoded["input_ids"], encoded["offset_mapping"], strict=True
        ):
            carried = labels(document, offsets[1:])
            yield [*ids, eos], np.concatenate([nothing, carried, nothing])


def pack_rows(
    tokenizer: PreTrainedTokenizerFast, seed: int, rows: int, context: int, progress: Progress
) -> Rows:
    """The first `rows` rows of the training corpus."""
    ids = np.empty(rows * context, dtype=np.uint16)
    concepts = np.empty((len(ids), -(-len(COLUMN) // 8)), dtype=np.uint8)
    filled = 0
    for document, carried in token_stream(tokenizer, seed):
        end = min(len(ids), filled + len(document))
        ids[filled:end] = document[: end - filled]
        concepts[filled:end] = np.packbits(carried[: end - filled], axis=1)
        filled = end
        if filled == len(ids):
            break
        progress("corpus", filled, len(ids), "tokens")
    return Rows(ids.reshape(rows, context), concepts.reshape(rows, context, -1))

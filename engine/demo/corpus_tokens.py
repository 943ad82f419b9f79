"""The corpus as the model reads it: documents one after the other, cut into rows."""

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from engine.demo.corpus.generate import documents
from engine.progress import Progress

_AT_ONCE = 512


def token_stream(tokenizer: PreTrainedTokenizerFast, seed: int) -> Iterator[list[int]]:
    """Each training document as `<bos> … <eos>`."""
    eos = tokenizer.eos_token_id
    texts = (document.text for document in documents(seed))
    while batch := list(itertools.islice(texts, _AT_ONCE)):
        for ids in tokenizer(batch, verbose=False)["input_ids"]:
            yield [*ids, eos]


def packed_rows(
    tokenizer: PreTrainedTokenizerFast, seed: int, rows: int, context: int, progress: Progress
) -> NDArray[np.uint16]:
    """The first `rows` rows of the training corpus: [rows, context] token ids."""
    ids = np.empty(rows * context, dtype=np.uint16)
    filled = 0
    for document in token_stream(tokenizer, seed):
        part = document[: len(ids) - filled]
        ids[filled : filled + len(part)] = part
        filled += len(part)
        if filled == len(ids):
            break
        progress("corpus", filled, len(ids), "tokens")
    return ids.reshape(rows, context)

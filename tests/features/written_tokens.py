"""Activation sets that are only read for their tokens."""

from collections.abc import Sequence
from pathlib import Path

import torch

from engine.activations.store.manifest import Manifest
from engine.activations.store.tokens import TokenTable
from engine.activations.store.writer import ActivationWriter

BOS = 0


def token_table(
    folder: Path,
    documents: Sequence[Sequence[int]],
    vocabulary: Sequence[str],
    *,
    context: int | None = None,
    bos: int | None = BOS,
    rows_per_shard: int = 1_000_000,
) -> TokenTable:
    """A set of these documents, each a list of token ids."""
    about = Manifest(
        model="m",
        site="resid_post.0",
        d_model=1,
        dtype="float32",
        context=context,
        bos_token_id=bos,
    )
    with ActivationWriter(folder, about, vocabulary, shard_bytes=16 * rows_per_shard) as writer:
        for ids in documents:
            writer.add(torch.zeros(len(ids), 1), torch.tensor(ids, dtype=torch.int64), text="")
    return TokenTable.open(folder)

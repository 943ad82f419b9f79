"""Sets of random activations to read back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from engine.activations.store.manifest import Manifest
from engine.activations.store.writer import ActivationWriter

torch.set_num_threads(1)


@dataclass(frozen=True)
class Written:
    """A set on disk, and what was put into it."""

    folder: Path
    acts: torch.Tensor
    """[tokens, d_model] in the dtype of the store"""
    token_ids: torch.Tensor
    lengths: list[int]


def write_set(
    folder: Path,
    lengths: Sequence[int],
    *,
    site: str = "resid_post.1",
    model: str = "m",
    d_model: int = 6,
    dtype: str = "float32",
    context: int | None = None,
    bos_token_id: int | None = None,
    rows_per_shard: int = 1_000_000,
    seed: int = 0,
) -> Written:
    """Write a set of random documents of these lengths over a vocabulary of 20 tokens.

    The tokens follow from the lengths and the seed, whatever the site and its activations.
    """
    generator = torch.Generator().manual_seed(seed)
    tokens = sum(lengths)
    ids = torch.randint(20, (tokens,), generator=generator)
    acts = torch.randn(tokens, d_model, generator=generator).to(getattr(torch, dtype))
    about = Manifest(
        model=model,
        site=site,
        d_model=d_model,
        dtype=dtype,
        tokenizer="m",
        context=context,
        bos_token_id=bos_token_id,
    )
    vocabulary = [f" t{i}" for i in range(20)]
    shard_bytes = rows_per_shard * (d_model * acts.itemsize + 16)
    with ActivationWriter(folder, about, vocabulary, shard_bytes=shard_bytes) as writer:
        pairs = zip(acts.split(list(lengths)), ids.split(list(lengths)), strict=True)
        for number, (document_acts, document_ids) in enumerate(pairs):
            writer.add(
                document_acts,
                document_ids,
                text=f"text {number}",
                category=f"kind {number % 2}",
                generated=f" and {number}",
            )
    return Written(folder, acts, ids, list(lengths))


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Written]:
    """`write_set` into a new folder."""
    return lambda lengths, **options: write_set(
        tmp_path_factory.mktemp("written") / "set", lengths, **options
    )

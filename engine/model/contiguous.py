"""Activations in one piece where a model's unembedding reads them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from engine.model.load import LanguageModel


@contextmanager
def contiguous_unembedding(lm: LanguageModel) -> Iterator[None]:
    """Within the block the unembedding is given its activations in one piece.

    Where only the last token's logits are asked for, transformers takes a slice of a batch, and on
    a CPU PyTorch multiplies a slice in bfloat16 far more slowly than a copy of it.
    """

    def copy(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(each.contiguous() if isinstance(each, Tensor) else each for each in args)

    unembedding = lm.model.get_output_embeddings()
    if unembedding is None:
        yield
        return
    handle = unembedding.register_forward_pre_hook(copy)
    try:
        yield
    finally:
        handle.remove()

"""Files of `torch.save`, read as tensors and plain containers and as nothing else.

Such a file is a pickle, and a pickle can be a program. It can also say that a few bytes are a
tensor of gigabytes, by strides of 0 or by compression: nothing of the kind is read.
"""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.activations.archives import check_archive
from engine.activations.text_files import readable
from engine.errors import UserError

_FREE = 1 << 20
"""Bytes that a tensor may take up beyond what is stored of it: small ones may be broadcast."""


def load_plain(path: Path) -> Any:
    """What `path` holds, with tensors on the CPU. Runs no code that the file may carry.

    Raises UserError for a file that isn't there, that is damaged, that would take up far more
    memory than it has bytes, or that holds anything else.
    """
    with readable(path):
        path.open("rb").close()
    check_archive(path)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} was not opened, because it isn't plain tensors: it may carry code.",
            "Ask whoever made it for the plain tensors.",
        ) from error
    except Exception as error:  # a pickle with flipped bits makes its reader raise anything
        raise UserError(f"{path} is damaged or no PyTorch file.", "Copy it again.") from error
    for tensor in _tensors(loaded):
        _check_stored(tensor, path)
    return loaded


def _check_stored(tensor: Tensor, path: Path) -> None:
    """Raise UserError for a tensor of more numbers than the file holds of it."""
    if tensor.is_nested or tensor.is_meta:
        raise UserError(f"{path} holds a tensor that has no numbers, or rows of several lengths.")
    if tensor.layout != torch.strided:
        return
    size = tensor.numel() * tensor.element_size()
    if size > tensor.untyped_storage().nbytes() + _FREE:
        raise UserError(
            f"{path} holds a tensor of shape {tuple(tensor.shape)}, but not the numbers for it:"
            " the same few stand for all.",
            "Save the tensor's contents, as .clone() gives them.",
        )


def _tensors(loaded: Any) -> Iterator[Tensor]:
    """The tensors in dictionaries and lists, however deep they lie."""
    left, seen = [loaded], set()
    while left:
        item = left.pop()
        if isinstance(item, Tensor):
            yield item
        elif isinstance(item, dict | list | tuple | set) and id(item) not in seen:
            seen.add(id(item))  # a pickle can put a list into itself
            left += item.values() if isinstance(item, dict) else item

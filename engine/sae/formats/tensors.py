"""Tensors in files that anyone may have written: each is checked before it is used."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.activations.archives import check_archive
from engine.activations.seed.plain_pickle import load_plain
from engine.activations.text_files import readable
from engine.errors import UserError
from engine.files import whole_file

Shape = tuple[int, ...]

_COUNTS = (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64)


@dataclass(frozen=True)
class Tensors:
    """What a file holds, by name. Every method raises UserError, naming the file and the tensor."""

    path: Path
    found: Mapping[str, Any]

    def exactly(
        self, shapes: Mapping[str, Shape], *, but: Collection[str] = ()
    ) -> dict[str, Tensor]:
        """The tensors that `shapes` names, of these shapes, in fp32, on the CPU.

        None may be missing, unknown, of another shape, not of floating point or not finite. Those
        that `but` names may be there, too, and are not looked at.
        """
        if unknown := self.found.keys() - shapes.keys() - set(but):
            raise UserError(f"{self.path} holds an unknown tensor {min(unknown)!r}.")
        return {name: self.weights(name, shape) for name, shape in shapes.items()}

    def sizes(self, name: str, dimensions: int) -> Shape:
        """The shape of a tensor of so many dimensions, where no configuration tells it."""
        shape = tuple(self._tensor(name).shape)
        if len(shape) != dimensions or 0 in shape:
            raise UserError(
                f"In {self.path}, {name} has the shape {list(shape)}; it should have {dimensions}"
                " dimensions."
            )
        return shape

    def whole_numbers(self, name: str) -> list[int]:
        """The entries of a tensor of integers."""
        tensor = self._tensor(name)
        if tensor.dtype not in _COUNTS or tensor.ndim > 1:
            raise UserError(f"In {self.path}, {name} is {tensor.dtype}, which counts nothing.")
        numbers: list[int] = tensor.reshape(-1).tolist()
        return numbers

    def whole_number(self, name: str) -> int:
        """The one entry of a tensor of integers."""
        numbers = self.whole_numbers(name)
        if len(numbers) != 1:
            raise UserError(f"In {self.path}, {name} holds {len(numbers)} numbers, not one.")
        return numbers[0]

    def number(self, name: str) -> float:
        """The one entry of a tensor of floating point."""
        tensor = self._tensor(name)
        return self.weights(name, tuple(tensor.shape)).item() if tensor.numel() == 1 else math.nan

    def weights(self, name: str, shape: Shape) -> Tensor:
        """The tensor `name`, of this shape, in fp32: of floating point, and finite."""
        tensor = self._tensor(name)
        if tuple(tensor.shape) != shape:
            raise UserError(
                f"In {self.path}, {name} has the shape {list(tensor.shape)}; its configuration says"
                f" {list(shape)}."
            )
        if not tensor.is_floating_point():
            raise UserError(f"In {self.path}, {name} is {tensor.dtype}, which are no weights.")
        try:
            weights = tensor.detach().float()  # first, as fp64 may hold what is infinite in fp32
        except RuntimeError as error:  # NotImplementedError is one
            raise UserError(
                f"In {self.path}, {name} is {tensor.dtype}, which isn't read."
            ) from error
        if not weights.isfinite().all():
            raise UserError(f"In {self.path}, {name} holds values that are not finite.")
        return weights

    def _tensor(self, name: str) -> Tensor:
        if name not in self.found:
            raise UserError(f"{self.path} holds no tensor {name!r}.")
        tensor = self.found[name]
        if not isinstance(tensor, Tensor) or tensor.layout != torch.strided:
            raise UserError(f"In {self.path}, {name} is a {type(tensor).__name__}, and no weights.")
        return tensor


def read_safetensors(path: Path) -> Tensors:
    """What a safetensors file holds. UserError for one that is damaged."""
    with readable(path):
        path.open("rb").close()
    try:
        return Tensors(path, load_file(path))
    except SafetensorError as error:
        raise UserError(f"{path} is damaged: {error}.", "Copy or train it again.") from error
    except Exception as error:  # of a dtype that torch hasn't got, it raises a KeyError
        raise UserError(f"{path} holds what can't be read: {error!r}.") from error


def read_pickled(path: Path) -> Tensors:
    """What `torch.save` made of a state dictionary, read as `load_plain` does."""
    found = load_plain(path)
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise UserError(f"{path} holds a {type(found).__name__}, not a state dictionary.")
    return Tensors(path, found)


def read_npz(path: Path) -> Tensors:
    """What a file of NumPy's `savez` holds. UserError for one that is damaged or holds objects."""
    with readable(path):
        path.open("rb").close()
    check_archive(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Tensors(path, {name: torch.from_numpy(arrays[name]) for name in arrays})
    except Exception as error:  # a file with flipped bits makes its reader raise anything
        raise UserError(f"{path} is damaged or no file of arrays: {error}.") from error


def write_safetensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write `tensors` to `path`, whole or not at all, in fp32."""
    with whole_file(path) as temporary:
        save_file({name: _plain(tensor) for name, tensor in tensors.items()}, temporary)


def write_pickled(path: Path, tensors: Mapping[str, Tensor], more: Mapping[str, Any]) -> None:
    """Write a state dictionary as `torch.save` does, with what is to stand in it beside weights."""
    # into an open file: by its path, the archive would have the temporary name in it
    with whole_file(path) as temporary, temporary.open("wb") as file:
        torch.save({name: _plain(t) for name, t in tensors.items()} | dict(more), file)


def write_npz(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write `tensors` as NumPy's `savez` does, in fp32."""
    arrays: dict[str, Any] = {name: _plain(tensor).numpy() for name, tensor in tensors.items()}
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float32).contiguous()

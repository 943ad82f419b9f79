"""Weights in safetensors files, checked against what the configuration promises."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from engine.activations.text_files import readable
from engine.errors import UserError
from engine.files import whole_file


def read_tensors(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Exactly the tensors that `shapes` names, of these shapes, in fp32, on the CPU.

    Raises UserError, naming the file and the tensor, for one that is missing, unknown, of another
    shape, not of floating point or not finite, and for a file that is damaged.
    """
    with readable(path):
        path.open("rb").close()
    try:
        with safe_open(path, framework="pt") as file:
            if missing := shapes.keys() - file.keys():
                raise UserError(f"{path} holds no tensor {min(missing)!r}.")
            if unknown := file.keys() - shapes.keys():
                raise UserError(f"{path} holds an unknown tensor {min(unknown)!r}.")
            return {
                name: _checked(path, name, file.get_tensor(name), shape)
                for name, shape in shapes.items()
            }
    except SafetensorError as error:
        raise UserError(f"{path} is damaged: {error}.", "Copy or train it again.") from error


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write `tensors` to `path`, whole or not at all, in fp32."""
    with whole_file(path) as temporary:
        save_file({name: _plain(tensor) for name, tensor in tensors.items()}, temporary)


def _checked(path: Path, name: str, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    if tuple(tensor.shape) != shape:
        raise UserError(
            f"In {path}, {name} has the shape {list(tensor.shape)}; its configuration says"
            f" {list(shape)}."
        )
    if not tensor.is_floating_point():
        raise UserError(f"In {path}, {name} is {tensor.dtype}, which are no weights.")
    if not tensor.isfinite().all():
        raise UserError(f"In {path}, {name} holds values that are not finite.")
    return tensor.float()


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float32).contiguous()

"""Which device a model runs on, and in which floating-point type."""

import re

import torch

from engine.errors import UserError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(name: str) -> torch.device:
    """The device called `name`: "cpu", "cuda", "cuda:1"; "auto" is the first GPU if there is one.

    Raises UserError for another name and for a GPU that is not there.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    match = re.fullmatch(r"cuda(?::([0-9]{1,3}))?", name)
    if match is None:
        raise UserError(f"{name!r} is no device.", "Use auto, cpu, cuda or cuda:N.")
    if not torch.cuda.is_available():
        raise UserError(
            f"There is no GPU for {name}: PyTorch finds no CUDA device.", "Use cpu or auto."
        )
    index = int(match[1] or 0)
    if index >= torch.cuda.device_count():
        raise UserError(
            f"There is no {name}.", f"The last GPU here is cuda:{torch.cuda.device_count() - 1}."
        )
    return torch.device("cuda", index)


def choose_dtype(name: str, device: torch.device) -> torch.dtype | None:
    """The type called `name`; None means the checkpoint's own.

    "auto" is the checkpoint's own on a GPU and float32 on a CPU, where half precision is slower
    and some operations lack it. Raises UserError for an unknown name.
    """
    if name == "auto":
        return torch.float32 if device.type == "cpu" else None
    if name not in DTYPES:
        raise UserError(f"{name!r} is no dtype.", f"Use auto, {', '.join(DTYPES)}.")
    return DTYPES[name]

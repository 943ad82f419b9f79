"""Which device a model runs on."""

import re

import torch

from engine.errors import UserError


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

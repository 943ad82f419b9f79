"""Telling a model from others of its name."""

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor

from engine.model.device_map import loaded
from engine.model.load import LanguageModel

_SAMPLE = 64
"""Numbers that are looked at of each parameter, evenly spread."""


def weights_digest(lm: LanguageModel) -> str:
    """A digest of a model's parameters: names, shapes, and some numbers of each.

    Another training of the model has another: it changes all parameters that it trains.
    """
    digest = hashlib.sha256()
    for name, parameter in lm.model.named_parameters():
        owner, _, own = name.rpartition(".")
        digest.update(f"{name} {list(parameter.shape)} {parameter.dtype}".encode())
        with loaded(lm.model.get_submodule(owner)) as module:
            for numbers in _parts(getattr(module, own).detach()):
                flat = numbers.flatten()
                some = flat[:: max(1, len(flat) // _SAMPLE)].contiguous().cpu()
                digest.update(some.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _parts(weights: Tensor) -> Iterator[Tensor]:
    """Plain tensors that hold weights: quantised ones are made of several."""
    if not hasattr(weights, "__tensor_flatten__"):
        yield weights
        return
    names, _ = weights.__tensor_flatten__()
    for name in names:
        yield from _parts(getattr(weights, name))

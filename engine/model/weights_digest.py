"""Telling a model from others of its name."""

import hashlib

import torch

from engine.model.load import LanguageModel

_SAMPLE = 64
"""Numbers that are looked at of each parameter, evenly spread."""


def weights_digest(lm: LanguageModel) -> str:
    """A digest of a model's parameters: names, shapes, and some numbers of each.

    Another training of the model has another: it changes all parameters that it trains.
    """
    digest = hashlib.sha256()
    for name, parameter in lm.model.named_parameters():
        digest.update(f"{name} {list(parameter.shape)} {parameter.dtype}".encode())
        numbers = parameter.detach().flatten()
        some = numbers[:: max(1, len(numbers) // _SAMPLE)].contiguous().cpu()
        digest.update(some.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

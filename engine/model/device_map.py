"""A model spread over several devices: accelerate places its modules, and moves what passes between
them to where they are.

Modules on a GPU stay there; those on `cpu` or `disk` are brought to the device that computes, one
by one, whenever they run. So a tensor is where the module is that it comes from, and hooks must
take it there.
"""

import contextlib
import itertools
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn

from engine.errors import UNDECODABLE, UserError

STRATEGIES = ("auto", "balanced", "balanced_low_0", "sequential")
"""Ways in which accelerate shares a model out among the devices that are there."""


VARIABLE = "BRAINSURG_DEVICE_MAP"
"""Of the engine's environment: how models are spread where nobody says, as in the app."""


def device_map_to_use(asked: str) -> str:
    """The device map that is `asked` for, or else the one of the environment; empty for none."""
    return asked or os.environ.get(VARIABLE, "")


def read_device_map(text: str) -> str | dict[str, int | str]:
    """A strategy as it is, or what the JSON file called `text` says: where modules are, by their
    names in the model, such as {"model.layers.0": 0, "model.layers.1": "cpu", "lm_head": "disk"}.

    Raises UserError for something else, and where accelerate is missing.
    """
    if find_spec("accelerate") is None:
        raise UserError(
            "--device-map needs accelerate, which isn't installed.",
            "Install it with: pip install 'brainsurg[device-map]'",
        )
    if text in STRATEGIES:
        return text
    if not text.endswith(".json"):
        raise UserError(
            f"{text!r} is no device map.",
            f"Use {', '.join(STRATEGIES)}, or a .json file of devices by names of modules.",
        )
    try:
        places = msgspec.json.decode(Path(text).read_bytes(), type=dict[str, int | str])
    except OSError as error:
        raise UserError(f"{text} can't be read: {error.strerror or error}.") from error
    except UNDECODABLE as error:
        raise UserError(
            f"{text} is no device map: it must hold one object, of devices by names of modules.",
            'Write such as {"model.layers.0": 0, "model.layers.1": "cpu", "lm_head": "disk"}.',
        ) from error
    for outer, inner in itertools.permutations(places, 2):
        if outer == "" or inner.startswith(f"{outer}."):
            raise UserError(
                f"{text} names {outer or 'the whole model'} and {inner}, which is in it.",
                "Name each module once, and all of them.",
            )
    return places


def check_names(places: str | dict[str, int | str], model: nn.Module, source: str) -> None:
    """Raise UserError for names in a device map that nothing in the model has."""
    known = {name for name, _ in (*model.named_modules(), *model.named_parameters())}
    unknown = [name for name in places if name not in known] if isinstance(places, dict) else []
    if unknown:
        raise UserError(
            f"The device map names {unknown[0]}, and nothing in {source} is called so.",
            f"Its layers are called such as {_a_layer(known)}.",
        )


def _a_layer(names: set[str]) -> str:
    return min((name for name in names if name.endswith(".0")), key=len, default="model.layers.0")


def places_text(model: Any) -> str:
    """Where the modules of a spread model are, in a few words: `12 on cuda:0, 3 on the disk`; empty
    for a model on one device."""
    places: dict[str, int] = {}
    for place in getattr(model, "hf_device_map", {}).values():
        name = f"cuda:{place}" if isinstance(place, int) else str(place).replace("disk", "the disk")
        places[name] = places.get(name, 0) + 1
    return ", ".join(f"{number} on {name}" for name, number in places.items())


def input_device(model: Any) -> torch.device:
    """Where the model takes its token ids, and gives its logits out."""
    embedding = model.get_input_embeddings()
    computes_on = getattr(getattr(embedding, "_hf_hook", None), "execution_device", None)
    if computes_on is None:
        stored: torch.device = next(embedding.parameters()).device
        return stored
    return torch.device(computes_on)  # a number is a GPU's


@contextlib.contextmanager
def loaded(module: nn.Module) -> Iterator[nn.Module]:
    """Within the block the parameters that are `module`'s own hold their numbers, wherever they are
    kept; those of a module on the CPU or the disk are on the meta device otherwise."""
    if all(not p.is_meta for p in module.parameters(recurse=False)):
        yield module
        return
    from accelerate.utils import align_module_device

    with align_module_device(module, torch.device("cpu")):
        yield module

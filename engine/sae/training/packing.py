"""A state dictionary as tensors and JSON, and back: what pickle is used for elsewhere.

Only tensors, numbers, texts, None, and lists, tuples and dictionaries of these are understood; each
comes back as exactly what it was. Tensors are named by their place, `trainers.0.sae.encoder`. What
JSON can't say is wrapped in an object of one field:

    {"tensor": name}   {"dict": [[key, value], …]}   {"tuple": […]}   {"float": "inf"}
"""

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor


def pack(state: Any) -> tuple[Any, dict[str, Tensor]]:
    """JSON's own types that say what `state` is, and the tensors in it by name."""
    tensors: dict[str, Tensor] = {}
    return _pack(state, "", tensors), tensors


def unpack(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The state that `pack` was given, from both parts of what it gave."""
    match value:
        case list():
            return [unpack(item, tensors) for item in value]
        case {"tensor": name}:
            return tensors[name]
        case {"dict": items}:
            return {key: unpack(item, tensors) for key, item in items}
        case {"tuple": items}:
            return tuple(unpack(item, tensors) for item in items)
        case {"float": text}:
            return float(text)
    return value


def _pack(state: Any, place: str, tensors: dict[str, Tensor]) -> Any:
    match state:
        case Tensor():
            tensors[place] = state
            return {"tensor": place}
        case dict():
            return {"dict": [[k, _pack(v, _inside(place, k), tensors)] for k, v in state.items()]}
        case list() | tuple():
            items = [_pack(v, _inside(place, i), tensors) for i, v in enumerate(state)]
            return items if isinstance(state, list) else {"tuple": items}
        case float() if not math.isfinite(state):
            return {"float": repr(state)}
        case None | bool() | int() | float() | str():
            return state
    raise TypeError(f"{place} is a {type(state).__name__}, which can't be saved")


def _inside(place: str, key: object) -> str:
    return f"{place}.{key}" if place else str(key)

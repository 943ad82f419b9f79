"""Frames of every request, whole and then damaged in ways at random."""

import struct
from collections.abc import Iterator
from random import Random
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from engine.jobs.kinds import JobSpec
from engine.jobs.kinds.base import registered_kinds
from engine.service import protocol as p

NAMES = (
    *["sae"] * 9,
    "acts",
    "ours",
    "whole",
    "m",
    "nothing",
    "..",
    "a/b",
    "\x1b[2J",
    "é" * 300,
    "",
)
NUMBERS = (*[0, 1, 3] * 4, 19, 20, -1, 1 << 31, (1 << 63) - 1, -(1 << 63))
FLOATS = (0.0, 1.5, -1.0, float("nan"), float("inf"), 1e308)
TEXTS = (
    *NAMES, "max > 0", "label ~ x", "(a+)+$", "[", "max > ", "(" * 4000, "resid_post.1", "acts.w1",
    "/proc/self/mem", "/", "~nobody/x", "\ud800", "\x00", "clamp", "max", "3=5", "3=5,7=0",
)  # fmt: skip
DEEP = 60_000
"""Arrays in arrays: deeper than any reader goes by recursion."""
ODD: tuple[Any, ...] = (
    None, True, -1, 1 << 40, 0.5, "", "x", b"x", [], {}, [None], {"k": 1}, ["x"] * 50, "é" * 5000,
)  # fmt: skip


def example(annotation: Any, random: Random) -> Any:
    """Something of a type, in the types that MessagePack has."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation is JobSpec:
        annotation = random.choice(list(registered_kinds().values()))
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return fields_of(annotation, random)
    if origin in (Union, UnionType):
        return example(random.choice(inner), random)
    if origin is Literal:
        return random.choice(inner)
    if hasattr(annotation, "__metadata__"):
        return example(inner[0], random)
    if origin is tuple and Ellipsis not in inner:
        return [example(each, random) for each in inner]
    if origin in (list, tuple, set, frozenset):
        return [example(inner[0], random) for _ in range(random.randrange(3))]
    if origin is dict:
        return {example(inner[0], random): example(inner[1], random)}
    if annotation in (None, type(None)):
        return None
    return {
        bool: lambda: random.random() < 0.5,
        int: lambda: random.choice(NUMBERS),
        float: lambda: random.choice(FLOATS),
        str: lambda: random.choice(TEXTS),
    }.get(annotation, lambda: random.choice(ODD))()


def fields_of(struct: type[msgspec.Struct], random: Random) -> dict[str, Any]:
    """A struct's fields; those that may be left out now and then are."""
    hints = get_type_hints(struct, include_extras=True)
    config = struct.__struct_config__
    found = {} if config.tag is None else {config.tag_field: config.tag}
    for field in msgspec.structs.fields(struct):
        if field.required or random.random() < 0.4:
            hint = hints[field.name]
            value = example(hint, random)
            is_name = hint is str and field.name in ("sae", "name", "activations", "other")
            found[field.encode_name] = random.choice(NAMES) if is_name else value
    return found


def frames(count: int, seed: int, first: int = 0) -> Iterator[tuple[str, bytes]]:
    """So many frames, each with what it asks and what was done to it. The same for a seed."""
    requests = sorted(p.request_types().items())
    for number in range(first, first + count):
        random = Random(f"{seed}/{number}")
        name, request = requests[number % len(requests)]
        body = fields_of(request, random)
        change = random.choice((as_it_is, as_it_is, replaced, nested, truncated, flipped, spliced))
        yield f"{number}: {name} {change.__name__}", change(number + 1, body, random)


def frame_of(id: int, body: Any) -> bytes:
    """An `Ask`, whatever its body is."""
    surrogates = msgspec.msgpack.Encoder(enc_hook=str)
    return surrogates.encode({"type": "Ask", "id": id, "request": _clean(body)})


def _clean(value: Any) -> Any:
    """What MessagePack can hold: no lone surrogates, no keys that are containers."""
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case dict():
            return {str(key): _clean(each) for key, each in value.items()}
        case list() | tuple():
            return [_clean(each) for each in value]
    return value


def as_it_is(id: int, body: dict[str, Any], random: Random) -> bytes:
    return frame_of(id, body)


def replaced(id: int, body: dict[str, Any], random: Random) -> bytes:
    body[random.choice(list(body))] = random.choice(ODD)
    return frame_of(id, body)


def nested(id: int, body: dict[str, Any], random: Random) -> bytes:
    body[random.choice(list(body))] = "<here>"
    bottom = b"\x91" * DEEP + b"\xc0"
    return frame_of(id, body).replace(b"\xa6<here>", bottom)


def truncated(id: int, body: dict[str, Any], random: Random) -> bytes:
    data = frame_of(id, body)
    return data[: random.randrange(len(data))]


def flipped(id: int, body: dict[str, Any], random: Random) -> bytes:
    data = bytearray(frame_of(id, body))
    for _ in range(random.choice((1, 3, 20))):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(data)


def spliced(id: int, body: dict[str, Any], random: Random) -> bytes:
    """A length of gigabytes somewhere."""
    data = frame_of(id, body)
    at = random.randrange(len(data))
    length = random.choice((b"\xdd", b"\xdf", b"\xdb", b"\xc6")) + struct.pack(">I", (1 << 32) - 1)
    return data[:at] + length + data[at:]

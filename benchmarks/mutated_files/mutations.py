"""What is done to a good file. Each mutation draws what it does from the `Random` it is given."""

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

Mutation = Callable[[Path, Random], None]

DEEP = 200_000
"""Brackets: deeper than any reader of JSON goes by recursion."""
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1,
    3,
    1 << 20,
    1 << 31,
    1 << 40,
    1 << 63,
    10**40,
    -(10**40),
    0.5,
    1e308,
    "",
    "x",
    "\x1b[31m\x00",
    "blocks.3.hook_resid_post",
    [],
    {},
    [None],
    [[1, 2], "x"],
    {"k": 1 << 70},
    "é" * 5000,
    list(range(5000)),
)


# Bytes -----------------------------------------------------------------------------------------


def truncated(path: Path, random: Random) -> None:
    path.write_bytes(path.read_bytes()[: random.randrange(path.stat().st_size + 1)])


def flipped(path: Path, random: Random) -> None:
    data = bytearray(path.read_bytes() or b"x")
    for _ in range(random.choice([1, 1, 3, 30])):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    path.write_bytes(data)


def overwritten(path: Path, random: Random) -> None:
    data = bytearray(path.read_bytes())
    start, size = random.randrange(len(data) + 1), random.choice([1, 4, 8, 64])
    filling = random.choice([b"\x00", b"\xff", None])
    data[start : start + size] = random.randbytes(size) if filling is None else filling * size
    path.write_bytes(data)


def spliced(path: Path, random: Random) -> None:
    data = path.read_bytes()
    start, end = sorted(random.randrange(len(data) + 1) for _ in range(2))
    at = random.randrange(len(data) + 1)
    path.write_bytes(data[:at] + data[start:end] + data[at:])


def of_another_kind(path: Path, random: Random) -> None:
    contents = (
        b"",
        b"\x00" * 4096,
        b"PK\x03\x04",
        b"{}",
        b"[]",
        b"null",
        b"\x80\x02.",
        b"\x1f\x8b",
    )
    path.write_bytes(random.choice(contents))


BYTES: tuple[Mutation, ...] = (truncated, flipped, overwritten, spliced, of_another_kind)


# JSON ------------------------------------------------------------------------------------------


def field_replaced(path: Path, random: Random) -> None:
    content = json.loads(path.read_text())
    holder, key = random.choice(list(_places({"": content})))
    action = random.randrange(8)
    if action == 0 and holder is not content and isinstance(holder, dict):
        del holder[key]
    elif action == 1:
        holder[key] = [holder[key]]
    else:
        holder[key] = random.choice(VALUES)
    path.write_text(json.dumps(content))


def nested(path: Path, random: Random) -> None:
    """The value of some field, or all of it, becomes a list in a list in a list …"""
    text = path.read_text()
    deep = "[" * DEEP + "]" * DEEP
    colons = [i for i, character in enumerate(text) if character == ":"]
    at = random.choice(colons) + 1 if colons and random.random() < 0.8 else 0
    path.write_text(f"{text[:at]}{deep},{text[at:]}" if at else deep)


def _places(content: Any) -> Any:
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(items):
        yield content, key
        if isinstance(value, dict | list):
            yield from _places(value)


JSON: tuple[Mutation, ...] = (field_replaced, field_replaced, field_replaced, nested)


# Tensors ---------------------------------------------------------------------------------------


def _distorted(tensor: Tensor, random: Random) -> Any:
    """Another tensor in its place, which safetensors and NumPy can hold, too."""
    flat = tensor.flatten()
    if tensor.is_floating_point() and random.random() < 0.3 and len(flat):
        broken = flat.clone()
        broken[random.randrange(len(flat))] = random.choice([torch.nan, torch.inf, -torch.inf])
        return broken.view(tensor.shape)
    return random.choice(
        [
            lambda: tensor.T.contiguous() if tensor.ndim == 2 else tensor[None],
            flat.clone,
            flat[:-1].clone,
            lambda: torch.zeros(0),
            lambda: torch.zeros(0, 1 << 40),
            lambda: torch.zeros(()),
            lambda: tensor.to(torch.int64),
            lambda: tensor > 0,
            lambda: tensor.to(torch.float64) * 1e200,
            lambda: tensor.to(torch.float16),
            lambda: torch.full_like(tensor.float(), 3e38),
            lambda: -tensor.float().abs(),
            lambda: tensor.to(torch.complex64),
        ]
    )()


def _hostile(tensor: Tensor, random: Random) -> Any:
    """What a pickle alone can hold."""
    shape = tuple(1 << 20 for _ in tensor.shape) or (1 << 40,)
    return random.choice(
        [
            lambda: torch.zeros(1).expand(shape),
            lambda: torch.zeros(4).as_strided((1 << 30, 2), (0, 1)),
            lambda: torch.empty(tensor.shape, device="meta"),
            lambda: tensor.float().to_sparse(),
            lambda: tensor.to(torch.float8_e4m3fn),
            lambda: tensor.to(torch.bfloat16),
            lambda: random.choice(VALUES),
            lambda: [tensor, {"x": tensor}],
            lambda: torch.nn.Parameter(tensor.float()),
        ]
    )()


def _changed(content: dict[str, Any], random: Random, hostile: bool) -> dict[str, Any]:
    names = [name for name, value in content.items() if isinstance(value, Tensor)] or [""]
    name = random.choice(names)
    action = random.randrange(10)
    if action == 0:
        return {other: value for other, value in content.items() if other != name}
    if action == 1:
        return content | {"surprise": torch.zeros(2)}
    change = _hostile if hostile and action < 6 else _distorted
    return content | {name: change(content.get(name, torch.zeros(2)), random)}


def pickled(path: Path, random: Random) -> None:
    content = torch.load(path)
    if isinstance(content, dict):
        torch.save(_changed(content, random, True), path)
    else:
        torch.save(random.choice([_hostile, _distorted])(content, random), path)


def in_safetensors(path: Path, random: Random) -> None:
    changed = _changed(load_file(path), random, False)
    save_file({name: value.contiguous() for name, value in changed.items()}, path)


def header_of_safetensors(path: Path, random: Random) -> None:
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    name = random.choice(list(header))
    header[name][random.choice(["dtype", "shape", "data_offsets"])] = random.choice(
        ["F8_E8M0", "F4", "I128", [1 << 40, 1 << 40], [0, 1 << 62], [], [-1, 3], "x", {}]
    )
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])


def in_npz(path: Path, random: Random) -> None:
    with np.load(path) as arrays:
        content = {name: torch.from_numpy(arrays[name]) for name in arrays}
    changed: Any = {name: t.numpy() for name, t in _changed(content, random, False).items()}
    if random.random() < 0.2:
        name = random.choice(list(changed))
        kinds = [">f4", "U3", "M8[s]", "O", [("a", "f4"), ("b", "i4")]]
        changed[name] = np.zeros(3, dtype=random.choice(kinds))
    np.savez(path, **changed)


HEADERS = (
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': ((6,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (6L, }",
    "(" * 9000,
    "{'descr': 'x9', 'fortran_order': 0, 'shape': (-1,), }",
    "{'descr': '|V99999999', 'fortran_order': False, 'shape': (6,), }",
    "'''",
)


def header_in_npz(path: Path, random: Random) -> None:
    """An array's header is a Python expression."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    name = random.choice(list(content))
    text = random.choice(HEADERS).encode()
    content[name] = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
    with zipfile.ZipFile(path, "w") as archive:
        for each, data in content.items():
            archive.writestr(each, data)


def in_npy(path: Path, random: Random) -> None:
    """Another array: numbers that point nowhere, or another shape or type."""
    array = np.load(path)
    numbers = [-1, -2, 1 << 30, (1 << 31) - 1, -(1 << 31)]
    if array.dtype.kind == "f":
        numbers = [-1.0, float("nan"), float("inf"), 3e38]
    if random.randrange(4) and array.size:
        for _ in range(random.choice([1, 1, array.size])):
            number = np.array(random.choice(numbers)).astype(array.dtype)
            array.flat[random.randrange(array.size)] = number
    else:
        array = random.choice(
            [
                lambda: array[:-1],
                lambda: array[..., :0],
                lambda: array[None],
                lambda: array.reshape(-1)[:1],
                lambda: np.zeros((), array.dtype),
                lambda: array.astype("f8"),
                lambda: array.astype(">i2"),
                lambda: array.astype("U4"),
                lambda: array.astype("M8[s]") if array.dtype.kind == "i" else array > 0,
                lambda: array.astype("c8"),
            ]
        )()
    np.save(path, array)


def header_of_npy(path: Path, random: Random) -> None:
    data, text = path.read_bytes(), random.choice(HEADERS).encode()
    size = 10 + int.from_bytes(data[8:10], "little")
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data[size:])


def line_of_json(path: Path, random: Random) -> None:
    """One of the objects that a file has a line each of."""
    lines = path.read_text().splitlines()
    number = random.randrange(len(lines))
    one = path.with_name("line.json")
    one.write_text(lines[number])
    random.choice(JSON)(one, random)
    lines[number : number + 1] = random.choice([[one.read_text()], [one.read_text()], [], ["", ""]])
    one.unlink()
    path.write_text("\n".join(lines) + "\n")


BY_ENDING: dict[str, tuple[Mutation, ...]] = {
    ".json": JSON,
    ".jsonl": (line_of_json,),
    ".npy": (in_npy, in_npy, header_of_npy),
    ".pt": (pickled,),
    ".safetensors": (in_safetensors, in_safetensors, header_of_safetensors),
    ".npz": (in_npz, header_in_npz),
}


def mutate(path: Path, random: Random) -> str:
    """Change one file, and give what was done to it by name."""
    apt = BY_ENDING.get(path.suffix, ())
    mutation = random.choice(apt if apt and random.random() < 0.7 else BYTES)
    mutation(path, random)
    return mutation.__name__

"""In which floating-point type a model is fast, where it runs: `--model-dtype auto`.

On a GPU that is bfloat16, which also halves the memory. On a CPU it depends: one with instructions
for it (AVX512-BF16, AMX) multiplies matrices faster in bfloat16, others emulate it, and a small
model spends its time elsewhere. So it is measured there, on one layer of the model's sizes.

What was measured is kept in a file of the user's cache folder: processes that measure at a busy
moment would not agree otherwise, and captures by the same seed would differ.
"""

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import platformdirs
import torch
from torch import Tensor
from torch.nn import functional

from engine.errors import UNDECODABLE, UserError
from engine.files import write_whole
from engine.model.dtypes import AUTO, MODEL_DTYPES

FASTER = 1.25
"""How many times as fast as float32 bfloat16 must be to be chosen: it is less exact."""
SMALLEST = 1 << 18
"""Hidden times inner size of a layer below which nothing is measured: such a layer's time goes into
calling its parts, and its numbers may as well be exact. GPT-2's are 768 · 3,072 = 9 · 2^18."""
_TOKENS = 256
_ROUNDS = 8
"""Runs in each type by turns; the fastest counts, as every other was disturbed."""


class Measured(msgspec.Struct, frozen=True):
    """What was measured on a CPU, for layers of one size."""

    speed: float
    """Time in float32 by that in bfloat16."""


def choose_dtype(name: str, device: torch.device, config: Any) -> tuple[torch.dtype, str]:
    """The type called `name`, and why, in a few words that may follow on it; "" where it was asked
    for. "auto" is the one in which a model of a transformers `config` is fast on `device`.

    Raises UserError for an unknown name.
    """
    if name == AUTO:
        return _fast_dtype(device, config)
    if name not in MODEL_DTYPES:
        raise UserError(f"{name!r} is no dtype.", f"Use {', '.join(MODEL_DTYPES)}.")
    named: torch.dtype = getattr(torch, name)
    return named, ""


def dtype_name(dtype: torch.dtype) -> str:
    """As a user writes it: `bfloat16`."""
    return str(dtype).removeprefix("torch.")


def _fast_dtype(device: torch.device, config: Any) -> tuple[torch.dtype, str]:
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16, "the fast one on this GPU"
        return torch.float32, "as this GPU has no arithmetic for bfloat16"
    if not _has_bfloat16():
        return torch.float32, "as this CPU has no arithmetic for bfloat16"
    hidden, inner, heads = _sizes(config)
    if hidden * inner < SMALLEST:
        return torch.float32, "as a model this small is no faster in bfloat16"
    speed = _measured_speed(hidden, inner, heads).speed
    if speed < FASTER:
        return torch.float32, f"as bfloat16 was measured to be {speed:.2g} times as fast"
    return torch.bfloat16, f"measured to be {speed:.2g} times as fast here as float32"


def _has_bfloat16() -> bool:
    cpu: Any = torch.cpu  # its public names leave these out
    return bool(cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported())


def _sizes(config: Any) -> tuple[int, int, int]:
    """Hidden size, inner size of the MLP and number of heads; usual ones where there are none."""
    config = config.get_text_config()
    hidden = _size(config, "hidden_size", 1)
    inner = _size(config, "intermediate_size", 4 * hidden)
    heads = _size(config, "num_attention_heads", max(1, hidden // 64))
    return hidden, inner, heads


def _size(config: Any, name: str, usual: int) -> int:
    value = getattr(config, name, None)
    return value if isinstance(value, int) and value > 0 else usual


@functools.cache
def _measured_speed(hidden: int, inner: int, heads: int) -> Measured:
    """What the file says of layers of this size on this machine; else it is measured."""
    key = f"{_cpu_name()}, PyTorch {torch.__version__}, {hidden} x {inner}"
    known = _read()
    if key in known:
        return known[key]
    measured = Measured(_measure(hidden, inner, heads))
    known = _read()  # another process may have been quicker
    if key not in known:
        _write(known | {key: measured})
        return measured
    return known[key]


@torch.no_grad()
def _measure(hidden: int, inner: int, heads: int) -> float:
    """The least time that a layer takes in float32, by that in bfloat16."""
    layers = {kind: _layer(hidden, inner, heads, kind) for kind in (torch.float32, torch.bfloat16)}
    least = dict.fromkeys(layers, float("inf"))
    for run in layers.values():
        run()  # what is made at the first call is no part of the time
    for _ in range(_ROUNDS):
        for kind, run in layers.items():
            began = time.perf_counter()
            run()
            least[kind] = min(least[kind], time.perf_counter() - began)
    return least[torch.float32] / least[torch.bfloat16]


def _layer(hidden: int, inner: int, heads: int, kind: torch.dtype) -> Callable[[], Tensor]:
    """A layer of a transformer at work: attention and a gated MLP, each behind a norm."""
    width = max(1, hidden // heads)
    x, gain = torch.full((1, _TOKENS, hidden), 0.5, dtype=kind), torch.ones(hidden, dtype=kind)
    to_heads = torch.full((3 * heads * width, hidden), 0.01, dtype=kind)
    from_heads = torch.full((hidden, heads * width), 0.01, dtype=kind)
    to_inner = torch.full((2 * inner, hidden), 0.01, dtype=kind)
    from_inner = torch.full((hidden, inner), 0.01, dtype=kind)

    def run() -> Tensor:
        normed = functional.rms_norm(x, (hidden,), gain)
        split = functional.linear(normed, to_heads).view(1, _TOKENS, 3, heads, width)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        y = x + functional.linear(mixed.transpose(1, 2).flatten(2), from_heads)
        gate, up = functional.linear(functional.rms_norm(y, (hidden,), gain), to_inner).chunk(
            2, dim=-1
        )
        return y + functional.linear(functional.silu(gate) * up, from_inner)

    return run


def _cpu_name() -> str:
    """The processor's model as Linux tells it, with what PyTorch uses of it."""
    name = "a CPU"
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        name = named[0] if named else name
    except OSError:
        pass
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})"


def _path() -> Path:
    return platformdirs.user_cache_path("brainsurg") / "model-dtypes.json"


def _read() -> dict[str, Measured]:
    try:
        return msgspec.json.decode(_path().read_bytes(), type=dict[str, Measured])
    except (OSError, *UNDECODABLE):
        return {}


def _write(known: dict[str, Measured]) -> None:
    """Keep what is known. Where no file can be written, it holds for this process alone."""
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(known))
    except OSError:
        pass

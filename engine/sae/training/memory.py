"""Whether there is memory to train autoencoders, checked before any is taken."""

from collections.abc import Sequence

import psutil
import torch

from engine.errors import UserError
from engine.progress import Progress
from engine.sae.architectures.registry import outline
from engine.sae.config import SAEConfig
from engine.sae.kernels.preactivations import CACHE_ELEMENTS
from engine.sae.parallel import ALONE, Ranks

COPIES = 5
"""Of the weights while training: themselves, gradient, Adam's two moments, the last good state."""
CODES = 6
"""Arrays [batch, d_sae] that a step of a dense architecture holds at once; a sparse one has as many
of a block of the batch."""
FLOAT = 4
"""Bytes of an fp32 number."""
WORTH_A_NOTE = 1 << 30
"""Bytes from which on a training's need is noted."""


def training_bytes(config: SAEConfig, batch: int, device: torch.device) -> int:
    """An upper estimate of what training takes beside the activations."""
    weights = sum(p.numel() for p in outline(config).parameters())
    codes = batch * config.d_sae
    if config.traits.linear:
        codes = min(codes, CACHE_ELEMENTS[device.type])
    return FLOAT * (COPIES * weights + CODES * codes)


def check_memory(
    configs: Sequence[SAEConfig],
    batch: int,
    device: torch.device,
    progress: Progress,
    ranks: Ranks = ALONE,
) -> None:
    """Note when training takes much memory; UserError when there isn't enough."""
    own_batch = batch // ranks.data_parallel.size
    needed = sum(training_bytes(config, own_batch, device) for config in configs)
    needed //= ranks.tensor_parallel.size
    free = free_bytes(device)
    named = [weight for config in configs for weight in outline(config).named_parameters()]
    name, largest = max(named, key=lambda weight: weight[1].numel())
    shape, size = " × ".join(map(str, largest.shape)), largest.numel()
    message = (
        f"Training takes about {_gb(needed)}, and {_gb(free)} are free on {device.type}: "
        f"the largest weight, {name} ({shape}), is {_gb(FLOAT * size)}, and {COPIES} copies of "
        "every weight are kept."
    )
    if needed > free:
        raise UserError(message, "Choose a smaller width.")
    if needed > WORTH_A_NOTE:
        progress.note(message)


def free_bytes(device: torch.device) -> int:
    """Memory that can be had on `device` now."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    return int(psutil.virtual_memory().available)


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"

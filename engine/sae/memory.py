"""Whether an autoencoder can be trained here, told before anything is allocated."""

import psutil
import torch

from engine.errors import UserError
from engine.progress import Progress
from engine.sae.config import SAEConfig
from engine.sae.registry import outline

COPIES = 5
"""Of the weights while training: themselves, gradient, Adam's two moments, the last good state."""
CODES = 6
"""Arrays [batch, d_sae] that a step of a dense architecture holds at once."""
FLOAT = 4
WORTH_TELLING = 1 << 30


def training_bytes(config: SAEConfig, batch: int) -> int:
    """An upper estimate of what training takes beside the activations."""
    weights = sum(p.numel() for p in outline(config).parameters())
    return FLOAT * (COPIES * weights + CODES * batch * config.d_sae)


def check_memory(config: SAEConfig, batch: int, device: torch.device, progress: Progress) -> None:
    """Tell the user when training takes much memory; UserError when there isn't enough."""
    needed, free = training_bytes(config, batch), free_bytes(device)
    largest = max(outline(config).named_parameters(), key=lambda named: named[1].numel())
    name, shape, size = largest[0], " × ".join(map(str, largest[1].shape)), largest[1].numel()
    told = (
        f"Training takes about {_gb(needed)}, and {_gb(free)} are free on {device.type}: "
        f"the largest weight, {name} ({shape}), is {_gb(FLOAT * size)}, and {COPIES} copies of "
        "every weight are kept."
    )
    if needed > free:
        raise UserError(told, "Choose a smaller width.")
    if needed > WORTH_TELLING:
        progress.note(told)


def free_bytes(device: torch.device) -> int:
    """Memory that can be had on `device` now."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    return int(psutil.virtual_memory().available)


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"

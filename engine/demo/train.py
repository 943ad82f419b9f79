"""Training of the demo model: one pass over fresh documents, resumable."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import Gemma3ForCausalLM

from engine.demo.recipe import Recipe
from engine.files import whole_file
from engine.progress import Progress


@dataclass(frozen=True, slots=True)
class Trained:
    """What training made, and the processor time that it took, interruptions not counted."""

    model: Gemma3ForCausalLM
    cpu_seconds: float


_SAVE_EVERY = 250
_SAY_EVERY = 20


def train(
    recipe: Recipe,
    rows: NDArray[np.uint16],
    checkpoint: Path,
    progress: Progress,
    *,
    compiled: bool = False,
) -> Trained:
    """The model after `recipe.steps` steps over `rows` ([rows, context] token ids), in float32.

    Where `checkpoint` exists, training goes on from there; it is written every few hundred steps.
    `compiled` takes a minute and a C++ compiler at the start and halves the time of a step.
    """
    torch.manual_seed(recipe.seed)
    model = Gemma3ForCausalLM(recipe.config())
    optimizers = _optimizers(model, recipe)
    first, spent = 0, -time.process_time()
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        for optimizer, its_state in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(its_state)
        first = state["step"]
        spent += state["cpu_seconds"]
    model.train()
    forward = torch.compile(model, dynamic=False) if compiled else model
    for step in range(first, recipe.steps):
        batch = rows[step * recipe.batch : (step + 1) * recipe.batch]
        ids = torch.from_numpy(batch.astype(np.int64))
        loss = forward(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * recipe.schedule(step)
            optimizer.step()
            optimizer.zero_grad()
        if (step + 1) % _SAVE_EVERY == 0:
            _save(checkpoint, model, optimizers, step + 1, spent + time.process_time())
        if step % _SAY_EVERY == 0:
            metrics = {"loss": loss.item(), "schedule": recipe.schedule(step)}
            progress("train", step, recipe.steps, "steps", metrics)
    return Trained(model, spent + time.process_time())


def _optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the matrices inside the layers, AdamW for all the rest.

    Muon's step is scaled to the size of an AdamW step (Liu et al. 2025).
    """
    named = list(model.named_parameters())
    matrices = [p for name, p in named if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in named if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(
            [{"params": matrices, "peak_lr": recipe.lr}],
            weight_decay=recipe.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        ),
        torch.optim.AdamW(
            [{"params": others, "peak_lr": recipe.adam_lr}],
            betas=(0.9, 0.95),
            weight_decay=0.0,
            fused=True,
        ),
    ]


def _save(
    path: Path,
    model: nn.Module,
    optimizers: list[torch.optim.Optimizer],
    step: int,
    cpu_seconds: float,
) -> None:
    state = {
        "model": model.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "step": step,
        "cpu_seconds": cpu_seconds,
    }
    with whole_file(path) as temporary:
        torch.save(state, temporary)

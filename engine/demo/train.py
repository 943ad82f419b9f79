"""Training of the demo model: one pass over fresh documents, resumable."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import Gemma3ForCausalLM

from engine.demo.recipe import Recipe
from engine.files import whole_file
from engine.progress import Progress

_SAVE_EVERY = 250
_SAY_EVERY = 20


def train(
    recipe: Recipe, rows: NDArray[np.uint16], checkpoint: Path, progress: Progress
) -> Gemma3ForCausalLM:
    """The model after `recipe.steps` steps over `rows` ([rows, context] token ids), in float32.

    Where `checkpoint` exists, training goes on from there; it is written every few hundred steps.
    """
    torch.manual_seed(recipe.seed)
    model = Gemma3ForCausalLM(recipe.config())
    optimizer = _optimizer(model, recipe)
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    model.train()
    for step in range(first, recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate(step)
        batch = rows[step * recipe.batch : (step + 1) * recipe.batch]
        ids = torch.from_numpy(batch.astype(np.int64))
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if (step + 1) % _SAVE_EVERY == 0:
            _save(checkpoint, model, optimizer, step + 1)
        if step % _SAY_EVERY == 0:
            metrics = {"loss": loss.item(), "lr": recipe.learning_rate(step)}
            progress("train", step, recipe.steps, "steps", metrics)
    return model


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW with weight decay on matrices only."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.lr, betas=(0.9, 0.95), fused=True)


def _save(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    with whole_file(path) as temporary:
        torch.save(state, temporary)

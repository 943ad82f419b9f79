"""Training of the demo model: one pass over fresh documents, resumable.

    loss = next token + concept_weight · Σ_concepts BCE(SHARPNESS · w · h / rms(h) + b, carried)

h is the residual stream behind the layer `concept_layer`, and w a direction of length 1 for each
concept, which is thrown away with its b when training ends. Since w can't grow, what tells a
concept must be a sizeable part of h, and not a trace that only a large w makes out.

So each concept is made a direction that is there to be found: a model this small, left to itself,
keeps in its residual stream what helps with the next token, and that is not always the kind of text
it is in. No autoencoder and no feature is shown a label.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import Gemma3ForCausalLM

from benchmarks.embedded_model.labels import COLUMN
from benchmarks.embedded_model.training.recipe import Recipe
from benchmarks.embedded_model.training.rows import Rows, unpack_concepts
from engine.files import whole_file
from engine.progress import Progress


@dataclass(frozen=True, slots=True)
class Trained:
    """What training made, and the processor time that it took, interruptions not counted."""

    model: Gemma3ForCausalLM
    cpu_seconds: float


SHARPNESS = 3.0
"""Of a concept's logit, by its share of h."""
_SAVE_EVERY = 250
_SAY_EVERY = 20


def train(
    recipe: Recipe,
    rows: Rows,
    checkpoint: Path,
    progress: Progress,
    *,
    compiled: bool = False,
) -> Trained:
    """The model after `recipe.steps` steps over `rows`, in float32.

    Where `checkpoint` exists, training goes on from there; it is written every few hundred steps.
    `compiled` takes a minute and a C++ compiler at the start and halves the time of a step.
    """
    torch.manual_seed(recipe.seed)
    model = Gemma3ForCausalLM(recipe.config())
    learner = _Learner(model, recipe)
    optimizers = _optimizers(learner, recipe)
    first, spent = 0, -time.process_time()
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        learner.load_state_dict(state["model"])
        for optimizer, its_state in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(its_state)
        first = state["step"]
        spent += state["cpu_seconds"]
    learner.train()
    forward = torch.compile(learner, dynamic=False) if compiled else learner
    for step in range(first, recipe.steps):
        batch = slice(step * recipe.batch, (step + 1) * recipe.batch)
        ids = torch.from_numpy(rows.ids[batch].astype(np.int64))
        concepts = torch.from_numpy(unpack_concepts(rows.concepts[batch]))
        token_loss, concept_loss = forward(ids, concepts)
        (token_loss + recipe.concept_weight * concept_loss).backward()
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * recipe.schedule(step)
            optimizer.step()
            optimizer.zero_grad()
        if (step + 1) % _SAVE_EVERY == 0:
            _save(checkpoint, learner, optimizers, step + 1, spent + time.process_time())
        if step % _SAY_EVERY == 0:
            metrics = {"loss": token_loss.item(), "concepts": concept_loss.item()}
            progress("train", step, recipe.steps, "steps", metrics)
    return Trained(model, spent + time.process_time())


class _Learner(nn.Module):
    """The model, and the head that reads concepts off it."""

    def __init__(self, model: Gemma3ForCausalLM, recipe: Recipe) -> None:
        super().__init__()
        self.model = model
        self.head = nn.Linear(recipe.d_model, len(COLUMN))
        self._layer = recipe.concept_layer

    def forward(self, ids: Tensor, concepts: Tensor) -> tuple[Tensor, Tensor]:
        """Token ids [rows, context] and concepts [rows, context, concepts] to the two losses."""
        read = self.model(input_ids=ids, labels=ids, use_cache=False, output_hidden_states=True)
        stream = read.hidden_states[self._layer + 1]
        normed = stream * (stream.square().mean(-1, keepdim=True) + 1e-6).rsqrt()
        directions = SHARPNESS * functional.normalize(self.head.weight, dim=1)
        logits = functional.linear(normed, directions, self.head.bias)
        bce = functional.binary_cross_entropy_with_logits(logits, concepts, reduction="none")
        return read.loss, bce.sum(-1).mean()


def _optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the matrices inside the layers, AdamW for all the rest.

    Muon's step is scaled to the size of an AdamW step (Liu et al. 2025).
    """
    named = list(model.named_parameters())
    matrices = [p for name, p in named if _is_matrix(name, p)]
    others = [p for name, p in named if not _is_matrix(name, p)]
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


def _is_matrix(name: str, parameter: nn.Parameter) -> bool:
    return parameter.ndim == 2 and not ("embed" in name or name.startswith("head."))


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

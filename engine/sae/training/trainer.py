"""One training step after the other: loss, gradient, Adam, and which features are dead."""

import math
from typing import Any

import torch
from torch import Tensor

from engine.sae.architectures.base import SparseAutoencoder, StepInput, StepLosses
from engine.sae.config import TrainConfig
from engine.sae.training.divergence import far_above
from engine.sae.training.metrics import Reading
from engine.sae.training.schedules import schedule
from engine.sae.training.sharding import (
    begin_alike,
    gradient_norm,
    own_moments,
    own_numbers,
    own_state,
    put_together,
    sum_gradients,
    whole_moments,
    whole_numbers,
    whole_state,
)
from engine.shortages import memory_ran_out

STEPS_BETWEEN_ROLL_CALLS = 20
"""Which features are dead is looked up this often: a GPU waits each time."""
GOOD_STATES = 20
"""How often in a run the weights are put aside, once their loss is known to be finite."""
MOST_PARTS = 64
"""A batch that doesn't fit when it is split into so many parts doesn't fit."""


class Trainer:
    """An autoencoder in training, and all that changes with it."""

    def __init__(
        self,
        sae: SparseAutoencoder,
        config: TrainConfig,
        sample: Tensor,
        vectors: int,
        target: Tensor | None = None,
    ) -> None:
        """`sample` [n, d_in] is drawn from the `vectors` to train on, and lies on sae's device.

        `target` [n, d_out]: for a transcoder, what belongs to the sample at its target site. Where
        several processes train together, `sae` is shared out and the sample the same for all.
        """
        self.sae = sae
        self._config = config
        target = sample if target is None else target
        self._scale = self._scale_of(sample)
        self._target_scale = self._scale_of(target)
        scaled = target * self._target_scale
        sae.initialise(sample * self._scale, scaled)
        begin_alike(sae)
        self._variance = scaled.var(0, correction=0).sum().clamp_min(1e-30).item()
        for parameter in sae.parameters():
            parameter.grad = torch.zeros_like(parameter)
        self._optimizer = torch.optim.Adam(
            sae.parameters(), config.lr, betas=config.betas, eps=config.eps, fused=True
        )
        self._schedule = schedule(self._optimizer, config, -(-vectors // config.batch))
        self._silent_for = torch.zeros(sae.features, dtype=torch.int64, device=sample.device)
        self._dead = self._silent_for.new_empty(0)
        self._parts = 1
        self.steps_done = 0
        self.good_step = 0
        """The step whose weights `finish_with_last_good` gives."""
        self._good_fvu = math.inf
        self._good_state = self._copied_state()

    @property
    def parts(self) -> int:
        """Into how many parts a batch is split, since memory was short; 1: it never was."""
        return self._parts

    def step(self, x: Tensor, target: Tensor | None = None) -> Reading:
        """Train on raw activations [batch, d_in], for a transcoder with targets [batch, d_out].

        Of a batch that is shared out, these are the rows of this process. Gives what there is to
        report of the batch.
        """
        vectors = len(x) * self.sae.ranks.vectors.size
        if self.steps_done % STEPS_BETWEEN_ROLL_CALLS == 0:
            self._dead = (self._silent_for >= self._config.dead_after).nonzero().flatten()
        losses = self._backward(x, x if target is None else target)
        sum_gradients(self.sae)
        self._put_aside(losses, vectors)
        lr = float(self._optimizer.param_groups[0]["lr"])
        grad_norm = gradient_norm(self.sae)
        self.sae.constrain_gradients()
        self._optimizer.step()
        self.sae.constrain_weights()
        self._schedule.step(losses.loss)
        self.steps_done += 1
        return self._reading(losses, vectors, lr, grad_norm)

    def weights_are_finite(self) -> bool:
        """Whether the last update left numbers; its loss was taken before it."""
        ruined = not all(bool(weight.isfinite().all()) for weight in self.sae.parameters())
        return self.sae.ranks.all.total(ruined) == 0

    def finish(self) -> SparseAutoencoder:
        """The autoencoder as it is now, for inference on raw activations."""
        for parameter in self.sae.requires_grad_(False).eval().parameters():
            parameter.grad = None
        if self.sae.normalises_scale:
            self.sae.unscale(self._scale, self._target_scale)
        return put_together(self.sae)

    def finish_with_last_good(self) -> SparseAutoencoder:
        """The autoencoder as it was before `good_step`, for inference on raw activations."""
        self.sae.load_state_dict(self._good_state)
        return self.finish()

    def state_dict(self) -> dict[str, Any]:
        """All that changes from step to step: a trainer of the same settings that loads it goes on
        as if nothing had happened, bit for bit. Tensors are the trainer's own.

        Where several processes train together, all must ask for it, and it is the state of one that
        trains alone: another number of them can go on from it.
        """
        return {
            "sae": whole_state(self.sae),
            "optimizer": whole_moments(self.sae, self._optimizer.state_dict()),
            "schedule": self._schedule.state_dict(),
            "scale": self._scale,
            "target_scale": self._target_scale,
            "variance": self._variance,
            "silent_for": self.sae.ranks.features.all_rows(self._silent_for),
            "dead": whole_numbers(self.sae, self._dead),
            "good_fvu": self._good_fvu,
            "parts": self._parts,
            "steps_done": self.steps_done,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken; the weights then count as good."""
        self.sae.load_state_dict(own_state(self.sae, state["sae"]))
        self._optimizer.load_state_dict(own_moments(self.sae, state["optimizer"]))
        self._schedule.load_state_dict(state["schedule"])
        self._scale, self._target_scale = state["scale"], state["target_scale"]
        self._variance = state["variance"]
        self._silent_for.copy_(self.sae.ranks.features.own_rows(state["silent_for"]))
        self._dead = own_numbers(self.sae, state["dead"].to(self._silent_for.device))
        self._good_fvu, self._parts = state["good_fvu"], state["parts"]
        self.steps_done = state["steps_done"]
        self.good_step, self._good_state = self.steps_done, self._copied_state()

    def _backward(self, x: Tensor, target: Tensor) -> StepLosses:
        """One batch's losses and gradients; in twice as many parts when memory is short."""
        while True:
            self._optimizer.zero_grad(set_to_none=False)
            scaled = x.float() * self._scale
            step = StepInput(
                x=scaled,
                target=scaled if target is x else target.float() * self._target_scale,
                variance=self._variance,
                dead=self._dead,
                done=self.steps_done / self._config.steps,
                parts=self._parts,
            )
            try:
                return self.sae.training_step(step, self._config)
            except (RuntimeError, MemoryError) as error:
                together = self.sae.ranks.all.size > 1  # the others wait in the middle of the step
                if together or self._parts >= MOST_PARTS or not memory_ran_out(error):
                    raise
                self._parts *= 2

    def _put_aside(self, losses: StepLosses, vectors: int) -> None:
        """Remember the weights now and then, unless they are lost or far worse than before."""
        if self.steps_done % max(1, self._config.steps // GOOD_STATES) != 0:
            return
        fvu = losses.squared_error.item() / (vectors * self._variance)
        if losses.loss.isfinite() and not far_above(fvu, self._good_fvu):
            self._good_fvu = min(fvu, self._good_fvu)
            self.good_step, self._good_state = self.steps_done, self._copied_state()

    def _reading(self, losses: StepLosses, vectors: int, lr: float, grad_norm: Tensor) -> Reading:
        with_others = self.sae.ranks.features
        fired = self.sae.ranks.vectors.sum(losses.fired)
        self._silent_for.add_(vectors).masked_fill_(fired > 0, 0)
        dead = (self._silent_for >= self._config.dead_after).float().mean() / with_others.size
        per_vector = losses.squared_error / vectors
        return Reading(
            {
                "loss": losses.loss,
                "mse": per_vector / (self.sae.config.width_out * self._target_scale**2),
                "fvu": per_vector / self._variance,
                "l0": with_others.sum(fired.sum()) / vectors,
                "dead_fraction": with_others.sum(dead),
                "grad_norm": grad_norm,
                **losses.terms,
            },
            lr=lr,
        )

    def _scale_of(self, x: Tensor) -> float:
        """What brings x [n, d] to E‖x‖ = √d, where the architecture wants that."""
        if not self.sae.normalises_scale:
            return 1.0
        length: float = x.norm(dim=1).mean().clamp_min(1e-30).item()
        return float(x.shape[1] ** 0.5 / length)

    def _copied_state(self) -> dict[str, Tensor]:
        state = self.sae.state_dict()
        return {name: tensor.to("cpu", copy=True) for name, tensor in state.items()}

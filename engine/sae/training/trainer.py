"""One training step after the other: loss, gradient, Adam, and which features are dead.

Before the first step, activations get a scale, E‖x‖ = √d, and the autoencoder is initialised from a
sample. Then, for each batch:

1. Now and then, list the dead: the features that have fired in none of the last `dead_after`
   vectors.
2. Backward: the architecture's loss and gradients of the scaled batch. Where memory runs out, the
   batch is taken in twice as many parts from then on.
3. Sum the gradients of all processes that train together.
4. Now and then, copy the weights while their loss is good, to end with them should the run diverge.
5. Take Adam's step, which keeps directions at length 1, and set the next learning rate.
6. Count for how many vectors each feature has not fired, and report metrics.

When the training ends, the scale is folded into the weights (`unscale`).
"""

import math
from typing import Any

import torch
from torch import Tensor

from engine.errors import UserError
from engine.sae.architectures.base import SparseAutoencoder, StepInput, StepLosses
from engine.sae.config import TrainConfig
from engine.sae.training.adam import Adam
from engine.sae.training.divergence import far_above
from engine.sae.training.metrics import PendingMetrics
from engine.sae.training.schedules import schedule
from engine.sae.training.sharding import (
    all_reduce_gradients,
    broadcast_state,
    full_indices,
    full_moments,
    full_state,
    gradient_norm,
    local_indices,
    local_moments,
    local_state,
    unshard,
)
from engine.shortages import memory_ran_out

STEPS_BETWEEN_DEAD_LISTS = 20
"""Steps after which the dead features are listed again: a GPU waits each time."""
STEPS_BETWEEN_CHOICES = 100
"""Steps after which it is measured again how active features can be looked for."""
GOOD_STATES = 20
"""How often in a run the weights are copied, once their loss is known to be finite."""
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
        several processes train together, `sae` is sharded and the sample the same for all.
        """
        self.sae = sae
        self._config = config
        target = sample if target is None else target
        self._scale = self._scale_of(sample)
        self._target_scale = self._scale_of(target)
        scaled = target * self._target_scale
        sae.initialise(sample * self._scale, scaled)
        broadcast_state(sae)
        self._variance = scaled.var(0, correction=0).sum().clamp_min(1e-30).item()
        if not math.isfinite(self._variance):
            raise UserError(
                "The activations are so large that their squares go beyond float32.",
                "Train an architecture that scales them, such as topk.",
            )
        for parameter in sae.parameters():
            parameter.grad = torch.zeros_like(parameter)
        self._optimizer = Adam(sae.parameters(), config, sae.unit_rows)
        self._schedule = schedule(self._optimizer, config, -(-vectors // config.batch))
        self._vectors_since_fired = torch.zeros(
            sae.features, dtype=torch.int64, device=sample.device
        )
        self._dead = self._vectors_since_fired.new_empty(0)
        self._parts = 1
        self.steps_done = 0
        self.good_step = 0
        """The step whose weights `finish_with_last_good` gives."""
        self.is_ruined = False
        """Whether some weight was found to be no finite number. The loss need not show it: a
        threshold beyond all numbers only turns its feature off."""
        self._is_folded = False
        self._good_fvu = math.inf
        self._good_state = self._copy_state()

    @property
    def parts(self) -> int:
        """Into how many parts a batch is split, since memory was short; 1: it never was."""
        return self._parts

    def step(self, x: Tensor, target: Tensor | None = None) -> PendingMetrics:
        """Train on raw activations [batch, d_in], for a transcoder with targets [batch, d_out].

        Where several processes share a batch, these are the rows of this one. Gives the metrics of
        the batch.
        """
        vectors = len(x) * self.sae.ranks.data_parallel.size
        if self.steps_done % STEPS_BETWEEN_DEAD_LISTS == 0:
            self._dead = self._is_dead().nonzero().flatten()  # [dead]
        losses = self._backward(x, x if target is None else target)
        all_reduce_gradients(self.sae)
        self._copy_if_good(losses, vectors)
        lr = float(self._optimizer.param_groups[0]["lr"])
        self._optimizer.step()
        grad_norm = gradient_norm(self.sae, self._optimizer.squared_norms)
        self._schedule.step(losses.loss)
        self.steps_done += 1
        return self._measure(losses, vectors, lr, grad_norm)

    def weights_are_finite(self) -> bool:
        """Whether the last update left numbers; its loss was taken before it."""
        return self.sae.ranks.world.total(not self.sae.weights_are_finite()) == 0

    def fold_scale(self) -> None:
        """End the training: turn the autoencoder into one for inference on raw activations."""
        if self._is_folded:
            return
        self._is_folded = True
        for parameter in self.sae.requires_grad_(False).eval().parameters():
            parameter.grad = None
        if self.sae.normalises_scale:
            self.sae.unscale(self._scale, self._target_scale)

    def finish(self) -> SparseAutoencoder:
        """The autoencoder as it is now, for inference on raw activations."""
        self.fold_scale()
        return unshard(self.sae)

    def finish_with_last_good(self) -> SparseAutoencoder:
        """The autoencoder as it was before `good_step`, for inference on raw activations."""
        self.sae.load_state_dict(self._good_state)
        self._is_folded = False
        return self.finish()

    def state_dict(self) -> dict[str, Any]:
        """All that changes from step to step: a trainer of the same settings that loads it goes on
        as if nothing had happened, bit for bit. Tensors are the trainer's own, and named as in
        files.

        Where several processes train together, all must ask for it, and it is the state of one that
        trains alone: another number of them can go on from it.
        """
        return {
            "sae": self.sae.to_stored_names(full_state(self.sae)),
            "optimizer": full_moments(self.sae, self._optimizer.state_dict()),
            "schedule": self._schedule.state_dict(),
            "scale": self._scale,
            "target_scale": self._target_scale,
            "variance": self._variance,
            "silent_for": self.sae.ranks.tensor_parallel.full_rows(self._vectors_since_fired),
            "dead": full_indices(self.sae, self._dead),
            "good_fvu": self._good_fvu,
            "parts": self._parts,
            "estimates_serve": self.sae.estimates_serve,
            "steps_done": self.steps_done,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken; the weights then count as good."""
        weights = self.sae.from_stored_names(state["sae"])
        self.sae.load_state_dict(local_state(self.sae, weights))
        self._optimizer.load_state_dict(local_moments(self.sae, state["optimizer"]))
        self._schedule.load_state_dict(state["schedule"])
        self._scale, self._target_scale = state["scale"], state["target_scale"]
        self._variance = state["variance"]
        since_fired = self.sae.ranks.tensor_parallel.local_rows(state["silent_for"])
        self._vectors_since_fired.copy_(since_fired)
        self._dead = local_indices(self.sae, state["dead"].to(self._vectors_since_fired.device))
        self._good_fvu, self._parts = state["good_fvu"], state["parts"]
        self.sae.estimates_serve = state.get("estimates_serve", False)
        self.steps_done = state["steps_done"]
        self.good_step, self._good_state = self.steps_done, self._copy_state()

    def _backward(self, x: Tensor, target: Tensor) -> StepLosses:
        """Make every `.grad` that of a batch's loss, taken in as many parts as memory asks for."""
        scaled = x.float() * self._scale
        if self.steps_done % STEPS_BETWEEN_CHOICES == 0:
            self.sae.choose_search(scaled)
        step = StepInput(
            x=scaled,
            target=scaled if target is x else target.float() * self._target_scale,
            variance=self._variance,
            dead=self._dead,
            done=self.steps_done / self._config.steps,
        )
        while True:
            try:
                return self.sae.training_step(step._replace(parts=self._parts), self._config)
            except (RuntimeError, MemoryError) as error:
                # the others would wait in the middle of the step
                together = self.sae.ranks.world.size > 1
                if together or self._parts >= MOST_PARTS or not memory_ran_out(error):
                    raise
                self._parts *= 2
                self._optimizer.zero_grad(set_to_none=False)  # what was added before memory ran out

    def _copy_if_good(self, losses: StepLosses, vectors: int) -> None:
        """Copy the weights now and then, unless they are lost or far worse than before."""
        if self.steps_done % max(1, self._config.steps // GOOD_STATES) != 0:
            return
        if not self.weights_are_finite():
            self.is_ruined = True
            return
        fvu = losses.squared_error.item() / (vectors * self._variance)
        if losses.loss.isfinite() and not far_above(fvu, self._good_fvu):
            self._good_fvu = min(fvu, self._good_fvu)
            self.good_step, self._good_state = self.steps_done, self._copy_state()

    def _is_dead(self) -> Tensor:
        """[features] bool: whether each feature has not fired for long."""
        return self._vectors_since_fired >= self._config.dead_after

    def _measure(
        self, losses: StepLosses, vectors: int, lr: float, grad_norm: Tensor
    ) -> PendingMetrics:
        """Take in which features fired, and send the step's metrics on their way."""
        ranks = self.sae.ranks
        fire_counts = ranks.data_parallel.all_reduce(losses.fire_counts)  # [features]
        self._vectors_since_fired.add_(vectors).masked_fill_(fire_counts > 0, 0)
        dead_fraction = self._is_dead().float().mean() / ranks.tensor_parallel.size
        # in fp64: what is small in the trainer's units may be beyond fp32 in raw ones
        per_vector = losses.squared_error.double() / vectors
        return PendingMetrics(
            {
                "loss": losses.loss,
                "mse": per_vector / (self.sae.config.width_out * self._target_scale**2),
                "fvu": per_vector / self._variance,
                "l0": ranks.tensor_parallel.all_reduce(fire_counts.sum()) / vectors,
                "dead_fraction": ranks.tensor_parallel.all_reduce(dead_fraction),
                "grad_norm": grad_norm,
                **losses.terms,
            },
            lr=lr,
        )

    def _scale_of(self, x: Tensor) -> float:
        """What brings x [n, d] to E‖x‖ = √d, where the architecture wants that."""
        if not self.sae.normalises_scale:
            return 1.0
        mean = x.norm(dim=1).mean()
        if not mean.isfinite():  # x² goes beyond fp32
            mean = x.double().norm(dim=1).mean()
        length: float = mean.clamp_min(1e-30).item()
        return float(x.shape[1] ** 0.5 / length)

    def _copy_state(self) -> dict[str, Tensor]:
        state = self.sae.state_dict()
        return {name: tensor.to("cpu", copy=True) for name, tensor in state.items()}

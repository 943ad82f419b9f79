"""One training step after the other: loss, gradient, Adam, and which features are dead."""

import torch
from torch import Tensor

from engine.sae.base import SparseAutoencoder, StepInput, StepLosses
from engine.sae.config import TrainConfig
from engine.sae.meter import Reading
from engine.sae.schedules import schedule

STEPS_BETWEEN_ROLL_CALLS = 20
"""Which features are dead is looked up this often: a GPU waits each time."""
GOOD_STATES = 20
"""How often in a run the weights are put aside, once their loss is known to be finite."""
BETAS = (0.9, 0.99)
"""Adam's. A feature's gradients come seldom and in bursts, so the second moment forgets faster than
by default; what that is worth is told in `engine.sae.architectures.topk`."""
EPS = 6.25e-10
"""Adam's, from Gao et al. 2024: small, as gradients are where a feature is in few vectors."""


class Trainer:
    """An autoencoder in training, and all that changes with it."""

    def __init__(
        self, sae: SparseAutoencoder, config: TrainConfig, sample: Tensor, vectors: int
    ) -> None:
        """`sample` [n, d_in] is drawn from the `vectors` to train on, and lies on sae's device."""
        self._sae = sae
        self._config = config
        self._scale = 1.0
        if sae.normalises_scale:
            length = sample.norm(dim=1).mean().clamp_min(1e-30).item()
            self._scale = sae.config.d_in**0.5 / length
        scaled = sample * self._scale
        sae.initialise(scaled)
        self._variance = (scaled - scaled.mean(0)).square().sum(1).mean().clamp_min(1e-30).item()
        self._optimizer = torch.optim.Adam(
            sae.parameters(), config.lr, betas=BETAS, eps=EPS, fused=True
        )
        self._schedule = schedule(self._optimizer, config, -(-vectors // config.batch))
        self._silent_for = torch.zeros(sae.config.d_sae, dtype=torch.int64, device=sample.device)
        self._dead = self._silent_for.new_empty(0)
        self._step = 0
        self.good_step = 0
        """The step whose weights `last_good` gives."""
        self._good_state = self._copied_state()

    def step(self, x: Tensor) -> Reading:
        """Train on raw activations [batch, d_in]; gives what there is to report of it."""
        if self._step % STEPS_BETWEEN_ROLL_CALLS == 0:
            self._dead = (self._silent_for >= self._config.dead_after).nonzero().flatten()
        losses = self._sae.training_step(
            StepInput(x.float() * self._scale, self._variance, self._dead), self._config
        )
        self._optimizer.zero_grad()
        losses.loss.backward()  # type: ignore[no-untyped-call]
        if self._step % max(1, self._config.steps // GOOD_STATES) == 0 and losses.loss.isfinite():
            self.good_step, self._good_state = self._step, self._copied_state()
        lr = float(self._optimizer.param_groups[0]["lr"])
        self._sae.constrain_gradients()
        self._optimizer.step()
        self._sae.constrain_weights()
        self._schedule.step(losses.loss)
        self._step += 1
        return self._reading(losses, len(x), lr)

    def weights_are_finite(self) -> bool:
        """Whether the last update left numbers; its loss was taken before it."""
        return all(bool(weight.isfinite().all()) for weight in self._sae.parameters())

    def finish(self) -> SparseAutoencoder:
        """The autoencoder as it is now, for inference on raw activations."""
        self._sae.requires_grad_(False).eval()
        if self._sae.normalises_scale:
            self._sae.unscale(self._scale)
        return self._sae

    def finish_with_last_good(self) -> SparseAutoencoder:
        """The autoencoder as it was before `good_step`, for inference on raw activations."""
        self._sae.load_state_dict(self._good_state)
        return self.finish()

    def _reading(self, losses: StepLosses, vectors: int, lr: float) -> Reading:
        self._silent_for.add_(vectors).masked_fill_(losses.fired > 0, 0)
        return Reading(
            lr,
            loss=losses.loss.detach(),
            mse=losses.squared_error / (vectors * self._sae.config.d_in * self._scale**2),
            fvu=losses.squared_error / (vectors * self._variance),
            l0=losses.fired.sum() / vectors,
            dead_fraction=(self._silent_for >= self._config.dead_after).float().mean(),
        )

    def _copied_state(self) -> dict[str, Tensor]:
        state = self._sae.state_dict()
        return {name: tensor.to("cpu", copy=True) for name, tensor in state.items()}

"""How the learning rate goes over a training run."""

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from engine.sae.config import TrainConfig

PERIODS = 40
"""In how many parts `plateau` cuts a run of few epochs."""


class Schedule(Protocol):
    """Sets an optimiser's learning rate, step by step."""

    def step(self, loss: Tensor) -> None:
        """Called after each step of the optimiser with that step's loss."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Where it stands."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        ...


def schedule(optimizer: Optimizer, config: TrainConfig, steps_per_epoch: int) -> Schedule:
    """The schedule that `config` asks for."""
    if config.schedule == "plateau":
        fortieth = max(1, config.steps // PERIODS)
        return Plateau(optimizer, config.patience, min(steps_per_epoch, fortieth))
    return Linear(optimizer, config)


class Linear:
    """A straight rise over the first share of the steps, a straight fall over the last."""

    def __init__(self, optimizer: Optimizer, config: TrainConfig) -> None:
        steps = config.steps
        rise, fall = config.warmup * steps, config.decay * steps

        def share(step: int) -> float:
            rising = (step + 1) / rise if rise else 1.0
            falling = (steps - step) / fall if fall else 1.0
            return max(0.0, min(1.0, rising, falling))

        self._scheduler = LambdaLR(optimizer, share)

    def step(self, loss: Tensor) -> None:
        """The loss doesn't matter here."""
        self._scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        return self._scheduler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._scheduler.load_state_dict(state)


class Plateau:
    """Halves the rate when the mean loss of a period has not fallen for `patience` periods."""

    def __init__(self, optimizer: Optimizer, patience: int, period: int) -> None:
        self._scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=patience)
        self._losses: list[Tensor] = []
        self._period = period

    def step(self, loss: Tensor) -> None:
        """Read the losses once a period, so that a GPU waits no more often."""
        self._losses.append(loss.detach())
        if len(self._losses) == self._period:
            self._scheduler.step(torch.stack(self._losses).mean().item())
            self._losses = []

    def state_dict(self) -> dict[str, Any]:
        losses = torch.stack(self._losses) if self._losses else torch.empty(0)
        return {"scheduler": self._scheduler.state_dict(), "losses": losses}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._scheduler.load_state_dict(state["scheduler"])
        where = self._scheduler.optimizer.param_groups[0]["params"][0].device
        self._losses = list(state["losses"].to(where))

"""When a training has lost its way.

It has when its loss is no longer a finite number, or when its fvu has stayed far above the best it
had for `PATIENCE` steps on end. Far above means: more than `FACTOR` times the best, and more than
`HOPELESS`, twice as bad as answering with the mean, whatever is read. A bad batch, a warm-up, or a
sparsity that is still rising does neither.
"""

import math
from typing import Any

from engine.errors import UserError
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.training.runs import Run

FACTOR = 10.0
HOPELESS = 2.0
PATIENCE = 100


def far_above(fvu: float, best: float) -> bool:
    """Whether fvu is out of proportion to the best; also where it isn't a number."""
    return not fvu <= max(HOPELESS, FACTOR * best)


class TrainingDiverged(UserError):  # noqa: N818 - it says what happened
    """A run has lost its way. `sae` is the autoencoder as it was after `good_step`."""

    def __init__(self, what: str, step: int, run: Run, sae: SparseAutoencoder, good_step: int):
        named = f" of {run.name}" if run.name else ""
        super().__init__(
            f"{what} at step {step:,}{named}.",
            f"Choose a lower learning rate. The weights of step {good_step:,} are kept.",
        )
        self.step = step
        self.run = run
        self.sae = sae
        self.good_step = good_step


class DivergenceWatch:
    """Judges a training by the loss and fvu of every step."""

    def __init__(self) -> None:
        self._best = math.inf
        self._steps_far_above = 0

    @property
    def in_doubt(self) -> bool:
        """Whether the last step was far above the best."""
        return self._steps_far_above > 0

    def check(self, loss: float, fvu: float) -> str:
        """Take in a step's loss and fvu; gives what is wrong, and nothing while there is hope."""
        if not math.isfinite(loss):
            return "The loss is no longer a finite number"
        self._steps_far_above = self._steps_far_above + 1 if far_above(fvu, self._best) else 0
        self._best = min(self._best, fvu)
        if self._steps_far_above < PATIENCE:
            return ""
        return f"The error stays far above its best (fvu {fvu:.3g} after {self._best:.3g})"

    def state_dict(self) -> dict[str, Any]:
        """What it has seen so far."""
        return {"best": self._best, "steps_far_above": self._steps_far_above}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self._best, self._steps_far_above = state["best"], state["steps_far_above"]

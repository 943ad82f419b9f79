"""When a training has lost its way.

It has when its loss is no longer a finite number, or when its fvu has stayed far above the best it
had for `PATIENCE` steps on end. Far above means: more than `FACTOR` times the best, and more than
`HOPELESS`, twice as bad as answering with the mean, whatever is read. A bad batch, a warm-up, or a
sparsity that is still rising does neither.
"""

import math
from typing import Any

FACTOR = 10.0
HOPELESS = 2.0
PATIENCE = 100


def far_above(fvu: float, best: float) -> bool:
    """Whether fvu is out of proportion to the best; also where it isn't a number."""
    return not fvu <= max(HOPELESS, FACTOR * best)


class Watch:
    """Looks at every step of a training."""

    def __init__(self) -> None:
        self._best = math.inf
        self._steps_far_above = 0

    @property
    def in_doubt(self) -> bool:
        """Whether the last step was far above the best."""
        return self._steps_far_above > 0

    def complaint(self, loss: float, fvu: float) -> str:
        """What is wrong after a step with these figures; nothing as long as there is hope."""
        if not math.isfinite(loss):
            return "The loss is no longer a finite number"
        self._steps_far_above = self._steps_far_above + 1 if far_above(fvu, self._best) else 0
        self._best = min(self._best, fvu)
        if self._steps_far_above < PATIENCE:
            return ""
        return f"The error stays far above its best (fvu {fvu:.3g} after {self._best:.3g})"

    def state_dict(self) -> dict[str, Any]:
        """What it has seen."""
        return {"best": self._best, "steps_far_above": self._steps_far_above}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self._best, self._steps_far_above = state["best"], state["steps_far_above"]

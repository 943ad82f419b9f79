"""The trainers of one or several autoencoders, fed from one stream, a step at a time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from engine.activations.source import Rows
from engine.errors import UserError
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.parallel import ALONE, Ranks
from engine.sae.training.divergence import Watch
from engine.sae.training.metrics import Pace, Reading
from engine.sae.training.runs import Run
from engine.sae.training.sharding import share_out
from engine.sae.training.trainer import Trainer

Figures = list[dict[str, float]]
"""What there is to tell of one step of every run, by name."""

TOLD_OF_EACH = ("loss", "fvu", "l0", "dead_fraction")
"""What is told of every run when there are several."""


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


class Training:
    """All that changes while the runs are trained, but for the position in the stream."""

    def __init__(
        self,
        runs: Sequence[Run],
        sample: Rows,
        vectors: int,
        device: torch.device,
        ranks: Ranks = ALONE,
    ) -> None:
        """`sample`: some of the `vectors` to train on, at every site."""
        at = {name: rows.to(device).float() for name, rows in sample.items()}
        self.runs = runs
        self._trainers = [
            Trainer(
                share_out(build(run.sae, run.training.seed), ranks).to(device),
                run.training,
                at[run.site],
                vectors,
                None if run.target is None else at[run.target],
            )
            for run in runs
        ]
        self._watches = [Watch() for _ in runs]
        self._waiting: list[Reading] = []

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return self.runs[0].training.steps

    @property
    def steps_done(self) -> int:
        return self._trainers[0].steps_done

    @property
    def first_to_tell(self) -> int:
        """The number, counted from 1, of the step whose figures come next."""
        return max(1, self.steps_done)

    @property
    def parts(self) -> int:
        """Into how many parts a batch is split, since memory was short; 1: it never was."""
        return max(trainer.parts for trainer in self._trainers)

    def figures(self, batches: Iterator[Rows], pace: Pace) -> Iterator[Figures]:
        """Take the steps that are left; each one's figures are told when the next is under way.

        So a GPU never waits for them to be read.
        """
        while self.steps_done < self.steps:
            with pace:
                rows = next(batches)
                before, self._waiting = self._waiting, self._step(rows)
                told = [reading.figures() for reading in before]
            if told:
                yield told
        yield [reading.figures() for reading in self._waiting]

    def check(self, step: int, figures: Figures) -> None:
        """Raise TrainingDiverged if a run has lost its way, by the figures of a step."""
        for number, watch in enumerate(self._watches):
            what = watch.complaint(figures[number]["loss"], figures[number]["fvu"])
            if what:
                raise self._diverged(number, what, step)

    def sound(self) -> bool:
        """Whether what there is is worth saving: all weights are finite, and no run in doubt."""
        return not any(watch.in_doubt for watch in self._watches) and all(
            trainer.weights_are_finite() for trainer in self._trainers
        )

    def finish(self) -> list[SparseAutoencoder]:
        """The autoencoders, for inference. TrainingDiverged if the last step ruined one."""
        for number, trainer in enumerate(self._trainers):
            if not trainer.weights_are_finite():
                raise self._diverged(number, "A weight is no longer a finite number", self.steps)
        return [trainer.finish() for trainer in self._trainers]

    def state_dict(self) -> dict[str, Any]:
        """All that changes from step to step. Tensors are the trainers' own."""
        return {
            "trainers": [trainer.state_dict() for trainer in self._trainers],
            "watches": [watch.state_dict() for watch in self._watches],
            "waiting": [reading.figures() for reading in self._waiting],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken; what was to be told of that step is told first."""
        for trainer, its in zip(self._trainers, state["trainers"], strict=True):
            trainer.load_state_dict(its)
        for watch, its in zip(self._watches, state["watches"], strict=True):
            watch.load_state_dict(its)
        self._waiting = [Reading.of(figures) for figures in state["waiting"]]

    def _step(self, rows: Rows) -> list[Reading]:
        return [
            trainer.step(rows[run.site], None if run.target is None else rows[run.target])
            for run, trainer in zip(self.runs, self._trainers, strict=True)
        ]

    def _diverged(self, number: int, what: str, step: int) -> TrainingDiverged:
        trainer = self._trainers[number]
        sae, good_step = trainer.finish_with_last_good(), trainer.good_step
        return TrainingDiverged(what, step, self.runs[number], sae, good_step)


def combined(runs: Sequence[Run], figures: Figures) -> dict[str, float]:
    """The figures of one run; of several the means, and some of each as `loss NAME`. So it is with
    one that has a name, too."""
    if len(runs) == 1 and not runs[0].name:
        return figures[0]
    names = [name for name in figures[0] if all(name in its for its in figures)]
    means = {name: sum(its[name] for its in figures) / len(figures) for name in names}
    of_each = {
        f"{name} {run.name}": its[name]
        for name in TOLD_OF_EACH
        for run, its in zip(runs, figures, strict=True)
    }
    return means | of_each

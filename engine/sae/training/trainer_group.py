"""The trainers of one or several autoencoders, fed from one stream, a step at a time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from engine.activations.batches.source import Rows
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.parallel import ALONE, Ranks
from engine.sae.training.divergence import DivergenceWatch, TrainingDiverged
from engine.sae.training.metrics import Metrics, PendingMetrics, Throughput
from engine.sae.training.runs import Run
from engine.sae.training.sharding import shard
from engine.sae.training.trainer import Trainer

_RUINED = "A weight or a threshold is no longer a finite number"

METRICS_OF_EACH_RUN = ("loss", "fvu", "l0", "dead_fraction")
"""What is reported of every run when there are several."""


class TrainerGroup:
    """A trainer for each of some runs, and all that changes while they train, but for the position
    in the stream."""

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
                shard(build(run.sae, run.training.seed), ranks).to(device),
                run.training,
                at[run.site],
                vectors,
                None if run.target is None else at[run.target],
            )
            for run in runs
        ]
        self._watches = [DivergenceWatch() for _ in runs]
        self._pending: list[PendingMetrics] = []

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.runs[0].training.steps

    @property
    def steps_done(self) -> int:
        """Steps that lie behind."""
        return self._trainers[0].steps_done

    @property
    def next_reported_step(self) -> int:
        """The number, counted from 1, of the step whose metrics come next."""
        return max(1, self.steps_done)

    @property
    def parts(self) -> int:
        """Into how many parts a batch is split, since memory was short; 1: it never was."""
        return max(trainer.parts for trainer in self._trainers)

    def train(self, batches: Iterator[Rows], throughput: Throughput) -> Iterator[list[Metrics]]:
        """Take the steps that are left; gives each one's metrics, one for each run, when the next
        step is under way, so that a GPU never waits for them to be read."""
        while self.steps_done < self.steps:
            with throughput:
                rows = next(batches)
                before, self._pending = self._pending, self._step(rows)
                metrics = [pending.wait() for pending in before]
            if metrics:
                yield metrics
        yield [pending.wait() for pending in self._pending]

    def check(self, step: int, metrics: list[Metrics]) -> None:
        """Raise TrainingDiverged if a run has lost its way, by the metrics of a step."""
        for number, watch in enumerate(self._watches):
            what = watch.check(metrics[number]["loss"], metrics[number]["fvu"])
            if self._trainers[number].is_ruined:
                what = what or _RUINED
            if what:
                raise self._diverged(number, what, step)

    def is_sound(self) -> bool:
        """Whether the state is worth saving: all weights are finite, and no run is in doubt."""
        return not any(watch.in_doubt for watch in self._watches) and all(
            trainer.weights_are_finite() for trainer in self._trainers
        )

    def finish(self) -> list[SparseAutoencoder]:
        """The autoencoders, for inference. TrainingDiverged if the last step ruined one."""
        for number, trainer in enumerate(self._trainers):
            if not trainer.weights_are_finite():
                raise self._diverged(number, _RUINED, self.steps)
            trainer.fold_scale()
            if not trainer.weights_are_finite():  # in raw units it is another number
                raise self._diverged(number, _RUINED, self.steps)
        return [trainer.finish() for trainer in self._trainers]

    def state_dict(self) -> dict[str, Any]:
        """All that changes from step to step. Tensors are the trainers' own."""
        return {
            "trainers": [trainer.state_dict() for trainer in self._trainers],
            "watches": [watch.state_dict() for watch in self._watches],
            "waiting": [pending.wait() for pending in self._pending],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken; the metrics that were pending then come first."""
        for trainer, its in zip(self._trainers, state["trainers"], strict=True):
            trainer.load_state_dict(its)
        for watch, its in zip(self._watches, state["watches"], strict=True):
            watch.load_state_dict(its)
        self._pending = [PendingMetrics.from_metrics(metrics) for metrics in state["waiting"]]

    def _step(self, rows: Rows) -> list[PendingMetrics]:
        return [
            trainer.step(rows[run.site], None if run.target is None else rows[run.target])
            for run, trainer in zip(self.runs, self._trainers, strict=True)
        ]

    def _diverged(self, number: int, what: str, step: int) -> TrainingDiverged:
        trainer = self._trainers[number]
        sae, good_step = trainer.finish_with_last_good(), trainer.good_step
        return TrainingDiverged(what, step, self.runs[number], sae, good_step)


def combine_metrics(runs: Sequence[Run], metrics: list[Metrics]) -> Metrics:
    """One step's metrics of a single run as they are; of several runs, or of one that has a name,
    the means, and `METRICS_OF_EACH_RUN` of each as `loss NAME`."""
    if len(runs) == 1 and not runs[0].name:
        return metrics[0]
    names = [name for name in metrics[0] if all(name in its for its in metrics)]
    means = {name: sum(its[name] for its in metrics) / len(metrics) for name in names}
    of_each = {
        f"{name} {run.name}": its[name]
        for name in METRICS_OF_EACH_RUN
        for run, its in zip(runs, metrics, strict=True)
    }
    return means | of_each

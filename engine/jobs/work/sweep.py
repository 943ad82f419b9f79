"""A sweep job: a grid of trainings from one stream of activations, evaluated and compared.

What fits into memory together and takes the same batches is trained together. Each of them is saved
as soon as these are trained, and measured after that. A sweep that is resumed passes over what is
there, and goes on with the others from their newest checkpoint.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

import msgspec
import torch

from engine.activations.store.row_summary import RowChoice
from engine.errors import UserError
from engine.files import remove_folder
from engine.jobs.kinds import Sweep, SweepResult, SweepRun, Train
from engine.jobs.work.notes_once import NotesOnce
from engine.jobs.work.pareto import compare_runs
from engine.jobs.work.train_sae import open_data
from engine.jobs.work.trained_sae import is_measured, is_outcome_of, measure_sae, save_trained
from engine.model.device import choose_device
from engine.progress import Progress
from engine.sae.evaluation.vectors import Vectors
from engine.sae.formats.metadata import read_metadata
from engine.sae.recipes import recipe
from engine.sae.training.checkpointer import Checkpointer, SavedTraining, load_newest_checkpoint
from engine.sae.training.divergence import TrainingDiverged
from engine.sae.training.loop import Trained, train_together
from engine.sae.training.memory import free_bytes, training_bytes
from engine.sae.training.runs import Run, state_of_runs
from engine.workspace.folders import Workspace

MEMORY_SHARE = 0.5
"""Of what is free, what trainings from one stream may take together."""


def sweep(spec: Sweep, workspace: Workspace, progress: Progress) -> SweepResult:
    """Train every SAE of a sweep, measure and compare them.

    A training that diverges is left out, and the others go on. Raises UserError where all diverge,
    or where what a sweep that is resumed would make is there and was trained otherwise.
    """
    began = time.monotonic()
    job = _SweepJob(spec, workspace, NotesOnce(progress))
    trained = job.train_all()
    if not trained:
        raise UserError("Every training of the sweep diverged.", "Choose lower learning rates.")
    return SweepResult(
        name=spec.name,
        runs=compare_runs([job.measure(run) for run in trained]),
        seconds=time.monotonic() - began,
    )


def groups(runs: Iterable[Run], device: torch.device, free: int) -> Iterator[list[Run]]:
    """Runs that can be trained from one stream, as many at a time as take `free` bytes together."""
    alike: dict[tuple[int, int], list[Run]] = defaultdict(list)
    for run in runs:
        alike[run.training.batch, run.training.steps].append(run)
    for (batch, _), candidates in alike.items():
        group: list[Run] = []
        taken = 0
        for run in candidates:
            needed = training_bytes(run.sae, batch, device)
            if group and taken + needed > free:
                yield group
                group, taken = [], 0
            group.append(run)
            taken += needed
        yield group


class _SweepJob:
    """One sweep, and what it works with."""

    def __init__(self, spec: Sweep, workspace: Workspace, progress: Progress) -> None:
        self._spec = spec.train
        self._workspace = workspace
        self._progress = progress
        self._device = choose_device(self._spec.device)
        self._checkpoints = spec.checkpoints(workspace)
        saved = None
        if self._spec.resume:
            saved = load_newest_checkpoint(self._checkpoints, progress.note)
        self._choice = self._spec.choice if saved is None else _choice_of(saved)
        self._begun = [] if saved is None else _runs_of(saved)
        """The runs that the checkpoint of an interrupted sweep holds."""
        self._data = open_data(self._spec, workspace, progress, self._choice, saved)
        self._source_is_open = False
        self._runs = [self._run(member) for member in spec.members()]

    def train_all(self) -> list[Run]:
        """Train and save what isn't there yet. Gives all runs but those that diverged."""
        if not self._spec.resume:
            remove_folder(self._checkpoints)
        missing = [run for run in self._runs if not self._is_there(run)]
        started = [run for run in missing if run in self._begun]
        fresh = [run for run in missing if run not in started]
        free = int(MEMORY_SHARE * free_bytes(self._device))
        diverged: list[Run] = []
        for group in filter(None, [started, *groups(fresh, self._device, free)]):
            diverged += self._train(group)
        remove_folder(self._checkpoints)  # of a sweep that was killed when all was trained
        return [run for run in self._runs if run not in diverged]

    def measure(self, run: Run) -> SweepRun:
        """The figures of a run whose SAE is saved; measures it if that has not been done."""
        folder = self._workspace.sae(run.name)
        metrics = read_metadata(folder).metrics
        if not is_measured(folder):
            metrics = measure_sae(
                folder, self._data, self._held_out, device=self._device, progress=self._progress
            )
        return SweepRun(
            name=run.name,
            arch=run.sae.architecture,
            width=run.sae.d_sae,
            k=run.sae.k if run.sae.k is not None else run.training.target_l0,
            l1=run.training.l1 or None,
            lr=run.training.lr,
            metrics=metrics,
        )

    @cached_property
    def _held_out(self) -> Vectors:
        if not self._source_is_open:
            self._data.source(self._runs[0].training, self._progress)
        return self._data.held_out(self._progress)

    def _train(self, runs: list[Run]) -> list[Run]:
        """Train runs from one stream until all are done or have diverged; gives the latter."""
        diverged = []
        while runs:
            try:
                trained = self._train_together(runs)
            except TrainingDiverged as error:
                self._progress.note(f"{error.what} It is left out of the sweep.")
                diverged.append(error.run)
                runs = [run for run in runs if run != error.run]
                continue
            for run, its in zip(runs, trained, strict=True):
                save_trained(
                    its,
                    self._workspace.sae(run.name),
                    self._data.metadata(),
                    run.training,
                    replace=self._spec.replace,
                )
            break
        remove_folder(self._checkpoints)
        return diverged

    def _train_together(self, runs: list[Run]) -> list[Trained]:
        source, vectors = self._data.source(runs[0].training, self._progress)
        self._source_is_open = True
        about = {
            "runs": msgspec.to_builtins(runs),
            "data": self._data.identity(),
            "choice": self._choice,
        }
        saved = self._saved(runs)
        minutes = self._spec.checkpoint_minutes
        with Checkpointer(self._checkpoints, about, minutes=minutes) as checkpointer:
            return train_together(
                runs,
                source,
                vectors,
                device=self._device,
                progress=self._progress,
                checkpointer=checkpointer,
                saved=saved,
            )

    def _saved(self, runs: list[Run]) -> SavedTraining | None:
        """The newest checkpoint, if all of `runs` are in it: what it has of them."""
        saved = load_newest_checkpoint(self._checkpoints, self._progress.note)
        if saved is None or not all(run in _runs_of(saved) for run in runs):
            return None
        if saved.about["data"] != self._data.identity():
            raise UserError(
                "The activations are not those any more on which the sweep was begun.",
                "Begin anew with --replace.",
            )
        self._progress.note(f"It goes on from the checkpoint of step {saved.step:,}.")
        places = [_runs_of(saved).index(run) for run in runs]
        training = state_of_runs(saved.state["training"], places)
        return SavedTraining(saved.step, saved.about, saved.state | {"training": training})

    def _run(self, member: Train) -> Run:
        data = self._data
        sae, training = recipe(
            **member.recipe_settings, d_in=data.d_in, d_out=data.d_out, vectors=data.vectors
        )
        return Run(sae=sae, training=training, site=data.site, target=data.target, name=member.name)

    def _is_there(self, run: Run) -> bool:
        """Whether a sweep that is resumed has trained it. UserError if something else is there."""
        folder = self._workspace.sae(run.name)
        if not (self._spec.resume and folder.exists()):
            return False
        same = is_outcome_of(folder, run, self._data)
        if not (same or self._spec.replace):
            raise UserError(
                f"{run.name} is there, and was trained otherwise.",
                "Choose another name, or train everything anew with --replace.",
            )
        return same


def _choice_of(saved: SavedTraining) -> RowChoice:
    """Which rows an interrupted sweep takes. Older versions took sinks, and wrote nothing of it."""
    choice: RowChoice = msgspec.convert(saved.about.get("choice", "behind_start"), RowChoice)
    return choice


def _runs_of(saved: SavedTraining) -> list[Run]:
    """The runs that a checkpoint is of."""
    return msgspec.convert(saved.about["runs"], list[Run])

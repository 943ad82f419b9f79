"""dictionary_learning: its own `trainSAE()`, with activations normalised as its README does."""

from collections.abc import Iterator
from importlib.metadata import version
from itertools import count
from typing import Any

from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
from dictionary_learning.trainers.gdm import GatedSAETrainer
from dictionary_learning.trainers.jumprelu import JumpReluTrainer
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKTrainer
from dictionary_learning.trainers.standard import StandardTrainer
from dictionary_learning.trainers.top_k import TopKTrainer
from dictionary_learning.training import get_norm_factor, trainSAE
from torch import Tensor

from benchmarks.training.job import Job
from benchmarks.training.score import Snapshot
from benchmarks.training.trainers import matryoshka_groups

CLASSES = {
    "topk": TopKTrainer,
    "batchtopk": BatchTopKTrainer,
    "jumprelu": JumpReluTrainer,
    "relu": StandardTrainer,
    "gated": GatedSAETrainer,
    "matryoshka": MatryoshkaBatchTopKTrainer,
}
WARMUP, SPARSITY_WARMUP = 1_000, 2_000
"""Steps, its defaults."""
NORM_BATCHES = 100
"""From which `trainSAE` takes the norm of activations, its default."""


def train(job: Job, _variant: str) -> None:
    """Until the clock ends it."""
    trainers: list[Any] = []

    def build(**settings: Any) -> Any:
        """`trainSAE` makes the trainer and keeps it to itself."""
        trainers.append(CLASSES[job.architecture](**settings))
        return trainers[-1]

    data = _NormThenTrain(job)
    norm = get_norm_factor(data.for_norm(), NORM_BATCHES)
    job.score_by(lambda: _snapshot(trainers[0].ae, norm))
    trainSAE(
        data=data,
        trainer_configs=[{"trainer": build, **_settings(job)}],
        steps=job.steps + 1,
        device="cpu",
        normalize_activations=True,
    )


def versions() -> dict[str, str]:
    """Of what was measured."""
    return {name: version(name) for name in ("dictionary-learning", "torch")}


class _NormThenTrain:
    """`trainSAE` reads its data twice: for their norm, and to train; only the second is timed."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._has_norm = False

    def for_norm(self) -> Iterator[Tensor]:
        return (self._job.batch(step) for step in count())

    def __iter__(self) -> Iterator[Tensor]:
        if not self._has_norm:
            self._has_norm = True
            return self.for_norm()
        return (x.clone() for x in self._job.batches())  # it divides them in place


def _settings(job: Job) -> dict[str, Any]:
    """What the trainer can't do without; all else is the library's default."""
    settings: dict[str, Any] = {
        "activation_dim": job.size.d_in,
        "dict_size": job.size.width,
        "layer": 0,
        "lm_name": "synthetic",
        "steps": job.steps + 1,
        "device": "cpu",
        "seed": 0,
        "warmup_steps": job.warmup(WARMUP),
    }
    match job.architecture:
        case "topk" | "batchtopk":
            return {**settings, "k": job.k}
        case "matryoshka":
            groups = [size / job.size.width for size in matryoshka_groups(job.size.width)]
            return {**settings, "k": job.k, "group_fractions": groups}
        case "jumprelu":
            settings["target_l0"] = float(job.k)
    return {**settings, "sparsity_warmup_steps": job.warmup(SPARSITY_WARMUP)}


def _snapshot(ae: Any, norm: float) -> Snapshot:
    """`ae` works on activations divided by `norm`."""
    as_trained = {"use_threshold": False} if hasattr(ae, "k") else {}

    def reconstruct(x: Tensor) -> tuple[Tensor, Tensor]:
        acts = ae.encode(x / norm, **as_trained)
        return ae.decode(acts) * norm, acts

    return Snapshot(reconstruct, ae.W_dec if hasattr(ae, "W_dec") else ae.decoder.weight.T)

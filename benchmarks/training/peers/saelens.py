"""SAELens: its own `SAETrainer.fit()`, which scales activations to a norm of √d_in.

By default it doesn't, and then hardly learns from those of a real model.
"""

import copy
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path
from typing import Any

from sae_lens import (
    BatchTopKTrainingSAE,
    BatchTopKTrainingSAEConfig,
    GatedTrainingSAE,
    GatedTrainingSAEConfig,
    JumpReLUTrainingSAE,
    JumpReLUTrainingSAEConfig,
    MatryoshkaBatchTopKTrainingSAE,
    MatryoshkaBatchTopKTrainingSAEConfig,
    StandardTrainingSAE,
    StandardTrainingSAEConfig,
    TopKTrainingSAE,
    TopKTrainingSAEConfig,
)
from sae_lens.config import LoggingConfig, SAETrainerConfig
from sae_lens.training.sae_trainer import SAETrainer
from torch import Tensor

from benchmarks.training.job import Job
from benchmarks.training.score import Snapshot
from benchmarks.training.trainers import matryoshka_groups

CLASSES = {
    "topk": (TopKTrainingSAE, TopKTrainingSAEConfig),
    "batchtopk": (BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig),
    "jumprelu": (JumpReLUTrainingSAE, JumpReLUTrainingSAEConfig),
    "relu": (StandardTrainingSAE, StandardTrainingSAEConfig),
    "gated": (GatedTrainingSAE, GatedTrainingSAEConfig),
    "matryoshka": (MatryoshkaBatchTopKTrainingSAE, MatryoshkaBatchTopKTrainingSAEConfig),
}

_BATCHES_FOR_SCALE = 100
"""By default 1,000, which would take longer than a race."""


def train(job: Job, variant: str) -> None:
    """Until the clock ends it; `variant` is "default", "sparse" or "bf16"."""
    sae_class, config_class = CLASSES[job.architecture]
    sae = sae_class(
        config_class(
            d_in=job.size.d_in,
            d_sae=job.size.width,
            normalize_activations="expected_average_only_in",
            **_needed(job),
            **_sparse() if variant == "sparse" else {},
        )
    )
    config = SAETrainerConfig(
        total_training_samples=(job.steps + 1) * job.size.batch,
        train_batch_size_samples=job.size.batch,
        autocast=variant == "bf16",
        n_batches_for_norm_estimate=_BATCHES_FOR_SCALE,
        logger=LoggingConfig(log_to_wandb=False),
    )
    config.lr_end = config.lr  # it insists on a value, and its default schedule is constant
    trainer = SAETrainer(cfg=config, sae=sae, data_provider=job.batches())
    job.score_by(lambda: _snapshot(sae, trainer.activation_scaler.scaling_factor or 1.0))

    def save(folder: Path) -> None:
        """Save it as `fit` would have left it."""
        folded = copy.deepcopy(sae)
        folded.fold_activation_norm_scaling_factor(trainer.activation_scaler.scaling_factor)
        folded.save_inference_model(folder)

    job.save_by(save)
    trainer.fit()


def versions() -> dict[str, str]:
    """Of what was measured."""
    return {name: version(name) for name in ("sae-lens", "torch", "transformer-lens")}


def _needed(job: Job) -> dict[str, Any]:
    """What an architecture can't do without; all else is the library's default."""
    match job.architecture:
        case "jumprelu":
            return {"jumprelu_sparsity_loss_mode": "quadratic", "target_l0": float(job.k)}
        case "matryoshka":
            widths = list(accumulate(matryoshka_groups(job.size.width)))
            return {"k": job.k, "matryoshka_widths": widths}
        case "topk" | "batchtopk":
            return {"k": job.k}
        case _:
            return {}


def _sparse() -> dict[str, Any]:
    return {"use_sparse_activations": True, "rescale_acts_by_decoder_norm": False}


def _snapshot(sae: Any, scale: float) -> Snapshot:
    """`scale`: what activations are multiplied by before the SAE is given them."""

    def reconstruct(x: Tensor) -> tuple[Tensor, Tensor]:
        acts = sae.encode(x * scale)
        return sae.decode(acts) / scale, acts

    return Snapshot(reconstruct, sae.W_dec)

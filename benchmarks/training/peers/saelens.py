"""SAELens: its own `SAETrainer.fit()`."""

from importlib.metadata import version
from itertools import accumulate
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


def train(job: Job, variant: str) -> None:
    """Until the clock ends it; `variant` is "default", "sparse" or "bf16"."""
    sae_class, config_class = CLASSES[job.architecture]
    sae = sae_class(
        config_class(
            d_in=job.size.d_in,
            d_sae=job.size.width,
            **_needed(job),
            **_sparse() if variant == "sparse" else {},
        )
    )
    config = SAETrainerConfig(
        total_training_samples=(job.steps + 1) * job.size.batch,
        train_batch_size_samples=job.size.batch,
        autocast=variant == "bf16",
        logger=LoggingConfig(log_to_wandb=False),
    )
    config.lr_end = config.lr  # it insists on a value, and its default schedule is constant
    job.score_by(lambda: _snapshot(sae))
    job.save_by(sae.save_inference_model)
    SAETrainer(cfg=config, sae=sae, data_provider=job.batches()).fit()


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


def _snapshot(sae: Any) -> Snapshot:
    def reconstruct(x: Tensor) -> tuple[Tensor, Tensor]:
        acts = sae.encode(x)
        return sae.decode(acts), acts

    return Snapshot(reconstruct, sae.W_dec)

"""Real activations as every trainer's environment can read them: one file of safetensors.

    python -m benchmarks.training.stored SET FILE

SET is the folder of an activation set. Its rows are split as a training with seed 0 splits them,
sinks left out, and shuffled once: trainers take them in the order of the file.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor


def read(file: Path) -> tuple[Tensor, Tensor]:
    """Vectors to train on and held-out ones, [n, d] fp32."""
    tensors = load_file(file)
    return tensors["train"].float(), tensors["held"].float()


def write(activation_set: Path, file: Path) -> None:
    """In the dtype of the set."""
    from engine.activations.batches.stored import split_documents
    from engine.activations.store.activation_set import ActivationSet

    acts = ActivationSet.open(activation_set)
    generator = torch.Generator().manual_seed(0)
    shuffled = {
        name: acts.rows(rows[torch.randperm(len(rows), generator=generator)])
        for name, rows in zip(("train", "held"), split_documents(acts, 0.1, 0), strict=True)
    }
    save_file(shuffled, file)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))

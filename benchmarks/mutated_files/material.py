"""Good files of every kind that is imported, and the reader of each.

A kind's files are written into a folder by `write`; `read` is given that folder, and raises
UserError for what can't be read.
"""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from benchmarks.mutated_files.published_material import WRITERS
from brainsurg_tui.commands.label_files import read_notes
from engine.activations.any_text import read_texts
from engine.activations.seed.format import import_seed_activations
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.inference import at_inference
from engine.sae.formats.libraries import library, read_sae, recognise
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import load_sae, save_sae

D, N = 6, 20
ABOUT = SAEMetadata(model="m", site="resid_post.2", context=64)
TEXTS = ["Once upon a time.", "There was a dog.", "The end."]


@dataclass(frozen=True)
class Kind:
    """One kind of file."""

    write: Callable[[Path], object]
    read: Callable[[Path], object]
    mutated: str = ""
    """The folder within, one of whose files is changed; empty: all of it."""


def sae(architecture: str, **settings: Any) -> Any:
    """An autoencoder as it is used, and the configuration that it was trained with."""
    trained = build(SAEConfig(architecture=architecture, d_in=D, d_sae=N, **settings))
    if architecture == "batchtopk":
        trained.state_dict()["threshold"].fill_(0.3)
    return at_inference(trained.requires_grad_(False)), trained.config


def of_library(format: str, architecture: str, **settings: Any) -> Kind:
    """Files that an import of an SAE reads, and keeps as it does."""

    def write(folder: Path) -> None:
        used, config = sae(architecture, **settings)
        library(format).write(used, folder, about(config))

    return Kind(write, import_sae)


def about(config: SAEConfig) -> SAEMetadata:
    trained = config if config.architecture == "batchtopk" else None
    return SAEMetadata(model="m", site="resid_post.2", context=64, trained_as=trained)


def import_sae(folder: Path) -> None:
    """As the job does, to the folder that keeps it, and back from there."""
    format, path = recognise(folder / "sae", None)
    read, about = read_sae(format, path, k=4 if format == "qwen_scope" else None)
    read(torch.zeros(2, read.config.d_in))
    save_sae(read, folder / "kept", about)
    load_sae(folder / "kept")


def inside(kind: Kind) -> Kind:
    def write(folder: Path) -> None:
        (folder / "sae").mkdir()
        kind.write(folder / "sae")

    return Kind(write, kind.read)


def write_before_6(folder: Path) -> None:
    """As SAELens 5 saved a topk that was finetuned."""
    used, _ = sae("topk", k=4)
    library("sae_lens").write(used, folder, ABOUT)
    cfg = {
        "architecture": "standard",
        "d_in": D,
        "d_sae": N,
        "model_name": "m",
        "hook_name": "blocks.2.hook_resid_post",
        "activation_fn_str": "topk",
        "activation_fn_kwargs": {"k": 4},
        "finetuning_scaling_factor": True,
        "normalize_activations": "none",
        "seqpos_slice": [None],
        "sae_lens_training_version": "5.11.0",
    }
    (folder / "cfg.json").write_text(json.dumps(cfg))
    weights = load_file(folder / "sae_weights.safetensors")
    weights["finetuning_scaling_factor"] = torch.ones(N)
    save_file(weights, folder / "sae_weights.safetensors")


def write_checkpoint(folder: Path) -> None:
    """As dictionary_learning's trainer leaves it, the configuration one folder up."""
    used, config = sae("batchtopk", k=4)
    library("dictionary_learning").write(used, folder, about(config))
    (folder / "checkpoints").mkdir()
    (folder / "ae.pt").rename(folder / "checkpoints" / "ae_300.pt")


def read_checkpoint(folder: Path) -> None:
    path = folder / "sae" / "checkpoints"
    format, where = recognise(path, None)
    library(format).read(where)


def write_activations(folder: Path) -> None:
    entries = []
    for number, text in enumerate(TEXTS):
        words = text.split()
        torch.save(torch.randn(len(words), D), folder / f"activations_{number}.pt")
        entries.append({"prompt": text, "tokens": words, "token_ids": list(range(len(words)))})
    (folder / "metadata.json").write_text(json.dumps(entries))


LABELS = [{"modelId": "m", "index": str(i), "description": text} for i, text in enumerate(TEXTS)]


def labels(name: str, write: Callable[[Path], object]) -> Kind:
    return Kind(lambda folder: write(folder / name), lambda folder: read_notes(folder / name))


def texts(name: str, write: Callable[[Path], object]) -> Kind:
    return Kind(lambda folder: write(folder / name), lambda folder: list(read_texts(folder / name)))


def lines(rows: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


IMPORTED: dict[str, Kind] = {
    "sae_lens/topk": inside(of_library("sae_lens", "topk", k=4)),
    "sae_lens/jumprelu": inside(of_library("sae_lens", "batchtopk", k=4)),
    "sae_lens before 6": inside(Kind(write_before_6, import_sae)),
    "sparsify": inside(of_library("sparsify", "topk", k=4)),
    "dictionary_learning": inside(of_library("dictionary_learning", "gated")),
    "dictionary_learning/checkpoint": inside(Kind(write_checkpoint, read_checkpoint)),
    "gemma_scope/1": inside(of_library("gemma_scope", "jumprelu")),
    "gemma_scope/2": inside(of_library("gemma_scope", "jumprelu", d_out=9)),
    "openai": inside(of_library("openai", "topk", k=4, layer_norm=True)),
    **{name: inside(Kind(write, import_sae)) for name, write in WRITERS.items()},
    "kept": Kind(
        lambda folder: save_sae(sae("topk", k=4)[0], folder / "sae", ABOUT),
        lambda folder: load_sae(folder / "sae"),
    ),
    "kept, ours": Kind(
        lambda folder: save_sae(sae("seed-basic")[0], folder / "sae", ABOUT),
        lambda folder: load_sae(folder / "sae"),
    ),
    "activations": Kind(
        write_activations, lambda folder: import_seed_activations(folder, folder / "set")
    ),
    "labels.json": labels("labels.json", lambda path: path.write_text(json.dumps(LABELS))),
    "labels.jsonl.gz": labels(
        "labels.jsonl.gz", lambda path: path.write_bytes(gzip.compress(lines(LABELS).encode()))
    ),
    "labels.csv": labels(
        "labels.csv", lambda path: path.write_text('index,label,tags\n1,"a, b",x y\n2,c,\n')
    ),
    "texts.json": texts(
        "texts.json", lambda path: path.write_text(json.dumps([{"prompt": text} for text in TEXTS]))
    ),
    "texts.jsonl": texts(
        "texts.jsonl", lambda path: path.write_text(lines([{"text": text} for text in TEXTS]))
    ),
    "texts.txt": texts("texts.txt", lambda path: path.write_text("\n\n".join(TEXTS))),
}

"""Makes the embedded model: `python -m benchmarks.embedded_model.make`.

Learns the tokenizer, writes the corpus, trains, measures the held-out loss, and saves everything
into `engine/demo/model`. Interrupted, it goes on where it stood when the command is given again.
"""

import itertools
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import cyclopts
import numpy as np
import torch
from transformers import GenerationConfig, PreTrainedTokenizerFast

from benchmarks.embedded_model.card import write_card
from benchmarks.embedded_model.training.loss import held_out_loss
from benchmarks.embedded_model.training.recipe import Recipe
from benchmarks.embedded_model.training.rows import Rows, pack_rows
from benchmarks.embedded_model.training.tokenizer import learn_tokenizer
from benchmarks.embedded_model.training.train import train
from engine.demo.corpus.generate import documents
from engine.files import whole_file, write_whole
from engine.model.source import DEMO, model_address
from engine.progress import Progress

MODEL = Path(model_address(DEMO).address)
"""Folder of the embedded model."""
_TOKENIZER_DOCUMENTS = 20_000


class PrintedProgress:
    """Progress as lines on stderr, at most one every few seconds."""

    def __init__(self, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._started = time.monotonic()
        self._last = 0.0

    def __call__(
        self,
        phase: str,
        done: int,
        total: int | None = None,
        unit: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        now = time.monotonic()
        if now - self._last < self._seconds:
            return
        self._last = now
        figures = "  ".join(f"{name} {value:.4g}" for name, value in (metrics or {}).items())
        elapsed = now - self._started
        print(f"{elapsed:7.0f} s  {phase} {done}/{total} {unit}  {figures}", file=sys.stderr)

    def note(self, text: str) -> None:
        print(text, file=sys.stderr)

    @property
    def interrupted(self) -> bool:
        return False


def make(
    *,
    recipe: Annotated[Recipe, cyclopts.Parameter(name="*")] = Recipe(),  # noqa: B008
    out: Path = MODEL,
    work: Path = Path("build/demo"),
    threads: int = 1,
    compiled: bool = True,
) -> None:
    """Make the embedded model.

    Parameters
    ----------
    out
        Where the model goes.
    work
        Where the corpus and the checkpoint are kept, so that training can be resumed.
    threads
        CPU threads. Another number may change the last bits of the weights.
    compiled
        Compile the training step, which needs a C++ compiler.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    progress = PrintedProgress()
    work.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(recipe, work / "tokenizer")
    rows = _corpus(recipe, tokenizer, work, progress)
    trained = train(recipe, rows, work / "checkpoint.pt", progress, compiled=compiled)
    model = trained.model.bfloat16()
    tokenizer.save_pretrained(out)
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        do_sample=False,
    )
    model.save_pretrained(out)
    figures = {
        "recipe": recipe.table(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": recipe.steps,
        "tokens_seen": recipe.steps * recipe.batch * recipe.context,
        "cpu_minutes": round(trained.cpu_seconds / 60, 1),
        "threads": threads,
        "held_out": asdict(held_out_loss(model, tokenizer)),
    }
    (out / "quality.json").unlink(missing_ok=True)
    write_whole(out / "training.json", json.dumps(figures, indent=1).encode())
    write_card(out)


def _tokenizer(recipe: Recipe, folder: Path) -> PreTrainedTokenizerFast:
    if not folder.exists():
        texts = (d.text for d in itertools.islice(documents(recipe.seed), _TOKENIZER_DOCUMENTS))
        learn_tokenizer(texts, recipe.vocab_size, recipe.context).save_pretrained(folder)
    tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
    return tokenizer


def _corpus(
    recipe: Recipe, tokenizer: PreTrainedTokenizerFast, folder: Path, progress: Progress
) -> Rows:
    """The training rows, memory-mapped; written at the first call."""
    paths = [folder / f"{name}.npy" for name in Rows._fields]
    if not all(path.exists() for path in paths):
        needed = recipe.steps * recipe.batch
        rows = pack_rows(tokenizer, recipe.seed, needed, recipe.context, progress)
        for path, array in zip(paths, rows, strict=True):
            with whole_file(path) as temporary, temporary.open("wb") as file:
                np.save(file, np.asarray(array))
    return Rows(*(np.load(path, mmap_mode="r") for path in paths))


if __name__ == "__main__":
    cyclopts.run(make)

"""SAEDashboard: its `NeuronpediaRunner`, as its command starts it, on some batches of features."""

import json
import statistics
import time
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from sae_dashboard.neuronpedia.neuronpedia_runner import NeuronpediaRunner
from sae_dashboard.neuronpedia.neuronpedia_runner_config import NeuronpediaRunnerConfig

from benchmarks.dashboards.memory import peak_bytes
from benchmarks.dashboards.messages import Request, Result
from benchmarks.dashboards.peers.lens import let_in, tokens_of
from benchmarks.dashboards.sizes import BATCH, SIZES

TOP_GROUP = -1
"""`bin_min` of the group that holds the strongest activations."""


def run(request: Request) -> Result:
    """The first batches; the model runs in the first of them, and later ones read its cache."""
    size = SIZES[request.size]
    let_in("model")
    runner = NeuronpediaRunner(
        NeuronpediaRunnerConfig(
            sae_set="set",
            sae_path="sae",
            from_local_sae=True,
            outputs_dir="out",
            huggingface_dataset_path="texts",
            n_prompts_total=size.prompts,
            end_batch=request.batches - 1,  # it does this one, too
        )
    )
    folder = Path(runner.cfg.outputs_dir)
    tokens = tokens_of(Path("texts/texts.jsonl"), runner.model.tokenizer)
    torch.save(tokens, folder / f"tokens_{size.prompts}.pt")  # where it looks for tokens first
    began = time.time()
    runner.run()
    files = [folder / f"batch-{number}.json" for number in range(request.batches)]
    ends = [file.stat().st_mtime for file in files]
    first, *later = (after - before for before, after in pairwise([began, *ends]))
    features = [found for file in files for found in json.loads(file.read_text())["features"]]
    return Result(
        parts={"first batch": first, "later batch": statistics.median(later)},
        whole={"": first + (size.width / BATCH - 1) * statistics.median(later)},
        features=len(features),
        peak_bytes=peak_bytes(),
        maxima=[_max(feature) for feature in features],
        densities=[feature["frac_nonzero"] for feature in features],
        versions={name: version(name) for name in ("sae-dashboard", "sae-lens", "torch")},
    )


def _max(feature: dict[str, Any]) -> float:
    return max(top["bin_max"] for top in feature["activations"] if top["bin_min"] == TOP_GROUP)

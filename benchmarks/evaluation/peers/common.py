"""The model, the tokens and the autoencoders as SAELens and TransformerLens have them."""

import json
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import transformer_lens.loading_from_pretrained as loading
from datasets import Dataset
from sae_lens import SAE
from sae_lens.training.activations_store import ActivationsStore
from torch import Tensor
from transformer_lens import HookedTransformer
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.evaluation.figures import BATCH

Measured = dict[str, float]
Measure = Callable[[Any, HookedTransformer, Callable[[], ActivationsStore], Tensor], Measured]
"""Of an SAE, its model, what opens a store of the tokens, and these [windows, tokens]."""


def model_at(folder: str) -> HookedTransformer:
    """A folder of transformers, its weights as they are. TransformerLens reads one only if its list
    of official models has the folder's name."""
    loading.OFFICIAL_MODEL_NAMES.append(folder)
    return HookedTransformer.from_pretrained_no_processing(
        folder,
        hf_model=AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
        tokenizer=AutoTokenizer.from_pretrained(folder),
        device="cpu",
        dtype=torch.float32,
    )


def store_of(model: HookedTransformer, tokens: Tensor, hook: str) -> ActivationsStore:
    """SAELens' store, which gives these windows [windows, tokens] in their order."""
    return ActivationsStore(
        model=model,
        dataset=Dataset.from_dict({"input_ids": tokens.tolist()}),
        streaming=False,
        hook_name=hook,
        hook_head_index=None,
        context_size=tokens.shape[1],
        d_in=model.cfg.d_model,
        n_batches_in_buffer=8,
        total_training_tokens=10**9,
        store_batch_size_prompts=BATCH,
        train_batch_size_tokens=2048,
        prepend_bos=False,
        normalize_activations="none",
        device="cpu",
        dtype="float32",
    )


def run(measure: Measure, packages: tuple[str, ...]) -> None:
    """Measure every SAE that the request (a JSON file) names, and write what was measured."""
    request = json.loads(Path(sys.argv[1]).read_text())
    torch.set_num_threads(request["threads"])
    model = model_at(request["model"])
    tokens = torch.tensor(request["tokens"])
    found: dict[str, Measured] = {}
    for name, folder in request["saes"].items():
        sae = SAE.load_from_disk(folder, device="cpu")
        hook = sae.cfg.metadata.hook_name
        store = partial(store_of, model, tokens, hook)
        found[name] = measure(sae, model, store, tokens)
    versions = {name: version(name) for name in (*packages, "transformer-lens", "torch")}
    answer = {"found": found, "versions": versions}
    Path(sys.argv[2]).write_text(json.dumps(answer))

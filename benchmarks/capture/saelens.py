"""SAELens' ActivationsStore in a process of its own: for every line that is read, it makes
activations of so many tokens, and prints the tokens per second.

    PYTHON saelens.py MODEL LAYER WINDOWS.npy DTYPE THREADS
"""

import sys
import time
import warnings

import numpy as np
import torch
from datasets import Dataset
from sae_lens.load_model import HookedProxyLM
from sae_lens.training.activations_store import ActivationsStore
from transformers import AutoModelForCausalLM

PASS_TOKENS = 2048


def main() -> None:
    """Serve until stdin ends."""
    warnings.filterwarnings("ignore")
    model, layer, windows, dtype, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    ids = np.load(windows)
    hook = f"model.layers.{layer}"
    inner = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype)).eval()
    lm = HookedProxyLM(inner.requires_grad_(False), None, hook_names=[hook])
    store = ActivationsStore(
        model=lm,
        dataset=Dataset.from_dict({"input_ids": np.tile(ids, (50, 1)).tolist()}),
        streaming=False,
        hook_name=hook,
        hook_head_index=None,
        context_size=ids.shape[1],
        d_in=inner.config.get_text_config().hidden_size,
        n_batches_in_buffer=8,
        total_training_tokens=10**9,
        store_batch_size_prompts=max(1, PASS_TOKENS // ids.shape[1]),
        train_batch_size_tokens=2048,
        prepend_bos=False,
        normalize_activations="none",
        device="cpu",
        dtype=dtype,
        activations_mixing_fraction=0.5,
    )
    store.get_raw_llm_batch()
    print("ready", flush=True)
    for line in sys.stdin:
        began, tokens = time.perf_counter(), 0
        while tokens < int(line):
            tokens += store.get_raw_llm_batch()[0].shape[0]
        print(tokens / (time.perf_counter() - began), flush=True)


if __name__ == "__main__":
    main()

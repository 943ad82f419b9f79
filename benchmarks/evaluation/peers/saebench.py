"""SAEBench's `core`: the `run_evals` of its module.

PYTHON -m benchmarks.evaluation.peers.saebench REQUEST.json ANSWER.json
"""

import re
from collections.abc import Callable
from typing import Any

import torch
from sae_bench.evals.core.eval_config import CoreEvalConfig
from sae_bench.evals.core.main import run_evals
from sae_lens.training.activations_store import ActivationsStore
from torch import Tensor
from transformer_lens import HookedTransformer

from benchmarks.evaluation.figures import BATCH
from benchmarks.evaluation.peers.common import Measured, run


def measure(
    sae: Any, model: HookedTransformer, store: Callable[[], ActivationsStore], tokens: Tensor
) -> Measured:
    """Its figures, and what its explained variance is made of."""
    hook = sae.cfg.metadata.hook_name
    sae.cfg.hook_name, sae.cfg.hook_head_index = hook, None
    sae.cfg.hook_layer = int(re.findall(r"\d+", hook)[0])
    batches = len(tokens) // BATCH
    config = CoreEvalConfig(
        batch_size_prompts=BATCH,
        n_eval_reconstruction_batches=batches,
        n_eval_sparsity_variance_batches=batches,
        compute_kl=True,
        compute_ce_loss=True,
        compute_l2_norms=True,
        compute_sparsity_metrics=True,
        compute_variance_metrics=True,
        compute_featurewise_density_statistics=True,
        exclude_special_tokens_from_reconstruction=True,
    )
    specials = {model.tokenizer.bos_token_id}
    metrics, features = run_evals(sae, store(), model, config, ignore_tokens=specials)
    flat = {name: value for group in metrics.values() for name, value in group.items()}
    flat["dead"] = sum(density == 0 for density in features["feature_density"]) / sae.cfg.d_sae
    return flat | _variance(sae, model, hook, tokens)


@torch.no_grad()
def _variance(sae: Any, model: HookedTransformer, hook: str, tokens: Tensor) -> Measured:
    """1 − E‖x − x̂‖² / (E‖x‖² − m²): with m the mean of x² over tokens and dimensions, which is what
    its module has there, and with ‖E x‖ for m, which makes it the variance."""
    x = torch.cat(
        [
            model.run_with_cache(some, prepend_bos=False, names_filter=[hook])[1][hook]
            for some in tokens.split(BATCH)
        ]
    )[:, 1:].flatten(0, 1)
    error = (x - sae.decode(sae.encode(x))).double().square().sum(1).mean()
    x = x.double()
    length = x.square().sum(1).mean()
    return {
        "explained_variance_by_its_formula": (1 - error / (length - x.square().mean() ** 2)).item(),
        "explained_variance_by_the_variance": (
            1 - error / (length - x.mean(0).square().sum())
        ).item(),
    }


if __name__ == "__main__":
    run(measure, ("sae-bench", "sae-lens"))

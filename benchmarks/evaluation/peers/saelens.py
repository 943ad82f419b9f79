"""SAELens' `run_evals`, as `sae_lens.evals` calls it.

PYTHON -m benchmarks.evaluation.peers.saelens REQUEST.json ANSWER.json
"""

from collections.abc import Callable
from typing import Any

import torch
from sae_lens.evals import get_eval_everything_config, get_recons_loss, run_evals
from sae_lens.training.activation_scaler import ActivationScaler
from sae_lens.training.activations_store import ActivationsStore
from torch import Tensor
from transformer_lens import HookedTransformer

from benchmarks.evaluation.figures import BATCH
from benchmarks.evaluation.peers.common import Measured, run


def measure(
    sae: Any, model: HookedTransformer, store: Callable[[], ActivationsStore], tokens: Tensor
) -> Measured:
    """Its figures, and its KL at the tokens alone whose next token is there."""
    batches = len(tokens) // BATCH
    config = get_eval_everything_config(
        batch_size_prompts=BATCH,
        n_eval_reconstruction_batches=batches,
        n_eval_sparsity_variance_batches=batches,
    )
    scaler = ActivationScaler()
    metrics, features = run_evals(sae, store(), model, scaler, config, exclude_special_tokens=True)
    flat = {name: value for group in metrics.values() for name, value in group.items()}
    flat["dead"] = sum(density == 0 for density in features["feature_density"]) / sae.cfg.d_sae
    kl = [
        get_recons_loss(
            sae,
            model,
            scaler,
            some,
            compute_kl=True,
            compute_ce_loss=False,
            ignore_tokens=[model.tokenizer.bos_token_id],
        )["kl_div_with_sae"]
        for some in tokens.split(BATCH)
    ]
    flat["kl_inside"] = torch.cat(kl)[:, 1:-1].mean().item()
    return flat


if __name__ == "__main__":
    run(measure, ("sae-lens",))

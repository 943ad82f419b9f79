"""What a direction tells that was fitted to the labels: the yardstick beside the features.

It is no strict bound: least squares doesn't maximise AUROC, and another fit may do a little better.
"""

import torch
from torch import Tensor

from benchmarks.embedded_model.labels import Labels
from benchmarks.embedded_model.score.active import Active
from benchmarks.embedded_model.score.separation import auroc

_RIDGE = 1e-4


def probe_auroc(x: Tensor, labels: Labels, test_x: Tensor, test_labels: Labels) -> list[float]:
    """The AUROC, on other documents, of each concept's linear probe.

    A probe is a ridge regression of the label (0 or 1) on the activations x [tokens, d_model], so
    it was shown the concepts, which no feature was; its penalty is 1e-4 of the mean variance.
    """
    mean = x.mean(dim=0)
    centred = (x - mean).double()
    wanted = torch.from_numpy(labels).double()
    gram = centred.T @ centred
    penalty = _RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    weights = torch.linalg.solve(gram + penalty, centred.T @ (wanted - wanted.mean(dim=0)))
    scores = (test_x - mean).double() @ weights
    found: list[float] = auroc(_dense(scores), test_labels).diagonal().tolist()
    return found


def _dense(scores: Tensor) -> Active:
    """Probes as features that are never silent: [tokens, probes]."""
    tokens, probes = scores.shape
    which, token = torch.meshgrid(torch.arange(probes), torch.arange(tokens), indexing="ij")
    return Active.of(
        which.flatten().numpy(),
        token.flatten().numpy(),
        scores.T.flatten().numpy(),
        n_features=probes,
        n_tokens=tokens,
    )

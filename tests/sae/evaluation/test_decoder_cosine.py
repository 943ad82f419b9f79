"""The largest cosines between decoder directions, against all pairs."""

import math

import numpy as np
import pytest
import torch

from engine.sae import blocks
from engine.sae.evaluation.decoder_cosine import decoder_cosines, nearest_cosines


@pytest.mark.parametrize("features_at_once", [1, 4, 7, 100])
def test_each_features_nearest_is_found_among_all_pairs(
    monkeypatch: pytest.MonkeyPatch, features_at_once: int
) -> None:
    W_dec = torch.randn(23, 6, generator=torch.Generator().manual_seed(0)) * 5
    W_dec[20] = 3 * W_dec[2]
    W_dec[5] = 0
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 23 * features_at_once)
    rows = W_dec.double().numpy()
    lengths = np.linalg.norm(rows, axis=1)
    expected = [
        max(rows[i] @ rows[j] / (lengths[i] * lengths[j] or 1) for j in range(23) if j != i)
        for i in range(23)
    ]
    np.testing.assert_allclose(nearest_cosines(W_dec), expected, atol=1e-6)
    found = decoder_cosines(W_dec)
    assert found.mean_decoder_cosine == pytest.approx(np.mean(expected), abs=1e-6)
    assert found.max_decoder_cosine == pytest.approx(1, abs=1e-6)


def test_a_single_feature_is_like_no_other() -> None:
    assert math.isnan(decoder_cosines(torch.ones(1, 4)).max_decoder_cosine)

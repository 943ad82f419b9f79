"""Between a layer norm and its inverse, against the formula written out."""

import pytest
import torch

from engine.errors import UserError
from engine.sae.architectures.base import StepInput
from engine.sae.architectures.registry import build, outline
from engine.sae.config import SAEConfig, TrainConfig

X = torch.randn(40, 6, generator=torch.Generator().manual_seed(0)) * 30 + 5


@pytest.mark.parametrize("architecture", ["topk", "jumprelu", "gated", "relu"])
def test_it_reads_and_writes_normalised_vectors(architecture: str) -> None:
    k = 3 if architecture == "topk" else None
    config = SAEConfig(architecture=architecture, d_in=6, d_sae=20, k=k, layer_norm=True)
    sae = build(config).requires_grad_(False)
    plain = build(SAEConfig(architecture=architecture, d_in=6, d_sae=20, k=k)).requires_grad_(False)
    plain.load_state_dict(sae.state_dict())
    mean = X.sum(1, keepdim=True) / 6
    deviation = ((X - mean).square().sum(1, keepdim=True) / 5).sqrt()
    normalised = (X - mean) / (deviation + 1e-5)
    torch.testing.assert_close(sae.encode(X), plain.encode(normalised))
    torch.testing.assert_close(sae(X), plain(normalised) * deviation + mean)
    torch.testing.assert_close(sae.decoder_gain(X), deviation)
    assert plain.decoder_gain(X) == 1


def test_acts_do_not_depend_on_length_or_offset() -> None:
    sae = build(SAEConfig(architecture="relu", d_in=6, d_sae=20, layer_norm=True))
    torch.testing.assert_close(sae.encode(3 * X + 7), sae.encode(X), rtol=1e-4, atol=1e-5)


def test_it_can_be_outlined_but_not_trained_or_decoded_without_its_input() -> None:
    config = SAEConfig(architecture="relu", d_in=6, d_sae=20, layer_norm=True)
    assert outline(config).state_dict().keys() == build(config).state_dict().keys()
    sae = build(config)
    step = StepInput(x=X, target=X, variance=1.0, dead=torch.empty(0, dtype=torch.int64))
    with pytest.raises(NotImplementedError, match="not trained"):
        sae.training_step(step, TrainConfig(tokens=1, batch=1, lr=1e-3))
    with pytest.raises(ValueError, match="undone with the input"):
        sae.decode(torch.ones(2, 20))


@pytest.mark.parametrize(
    "settings", [{"architecture": "seed-basic"}, {"architecture": "relu", "d_out": 6}]
)
def test_what_has_a_norm_of_its_own_or_writes_elsewhere_takes_none(settings: dict) -> None:
    with pytest.raises(UserError, match="layer norm"):
        SAEConfig(d_in=6, d_sae=20, layer_norm=True, **settings)

"""Stopping a model in the middle of what it does."""

import pytest
import torch

from engine.model.generate import generate, logits
from engine.model.interruptible import interruptible
from engine.progress import Cancelled
from tests.model.zoo import some_tokens, zoo_model


class Impatient:
    """Gives up at one of its calls; 0: never."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise Cancelled


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_every_token_and_layer_is_a_moment_and_no_bit_changes(name: str) -> None:
    lm = zoo_model(name)
    ids = some_tokens(1, 4)
    plain = logits(lm, ids), generate(lm, ids, 6)
    patient = Impatient()
    with interruptible(lm, patient):
        assert torch.equal(logits(lm, ids), plain[0])
        assert patient.calls >= lm.n_layers
        assert torch.equal(generate(lm, ids, 6)[0], plain[1][0])
    assert patient.calls >= 7 * lm.n_layers
    calls = patient.calls
    generate(lm, ids, 6)
    assert patient.calls == calls  # behind the block nobody asks


def test_what_is_raised_comes_out_and_leaves_the_model_as_it_was() -> None:
    lm = zoo_model("llama")
    ids = some_tokens(1, 4)
    (plain,) = generate(lm, ids, 6)
    for at in (1, 5, 3 * lm.n_layers):
        with pytest.raises(Cancelled), interruptible(lm, Impatient(at)):
            generate(lm, ids, 6)
    assert torch.equal(generate(lm, ids, 6)[0], plain)

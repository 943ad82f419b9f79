"""Stopping a model in the middle of what it does."""

import dataclasses

import pytest
import torch

from engine.model.caching import cache_is_reliable
from engine.model.generate import generate, logits
from engine.model.interruptible import interruptible
from engine.model.load import LanguageModel
from engine.model.padding import padding_is_reliable
from engine.model.site import Site
from engine.model.variants import can_spread, logits_of_variants
from engine.progress import Cancelled
from tests.model.zoo import some_tokens, zoo_model

SITE = Site("resid_post", 1)


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


def test_a_measurement_that_is_given_up_is_made_again() -> None:
    def measured(lm: LanguageModel) -> tuple[bool, ...]:
        logits_of_variants(lm, some_tokens(4), SITE, lambda _, y, __: y, 1)
        return cache_is_reliable(lm), padding_is_reliable(lm), can_spread(lm, SITE)

    for at in (1, 10, 60, 120):
        lm = dataclasses.replace(zoo_model("llama"))  # of which nothing is known yet
        with pytest.raises(Cancelled), interruptible(lm, Impatient(at)):
            measured(lm)
        assert measured(lm) == (True, True, True)


def test_what_is_raised_comes_out_and_leaves_the_model_as_it_was() -> None:
    lm = zoo_model("llama")
    ids = some_tokens(1, 4)
    (plain,) = generate(lm, ids, 6)
    for at in (1, 5, 3 * lm.n_layers):
        with pytest.raises(Cancelled), interruptible(lm, Impatient(at)):
            generate(lm, ids, 6)
    assert torch.equal(generate(lm, ids, 6)[0], plain)

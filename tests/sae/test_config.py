"""Configurations that can't be meant are refused, whoever makes them."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UserError
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import class_of
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.recipes import recipe
from engine.sae.traits import ARCHITECTURES


def test_every_architecture_can_be_built() -> None:
    for name in ARCHITECTURES:
        assert issubclass(class_of(name), SparseAutoencoder)


@given(
    st.sampled_from(list(ARCHITECTURES)),
    st.integers(1, 5000),
    st.integers(1, 10**9),
    st.integers(1, 10**6),
)
def test_recipes_exist_for_all_sizes_and_keep_what_is_given(
    architecture: str, d_in: int, vectors: int, tokens: int
) -> None:
    sae, training = recipe(architecture, d_in, vectors, tokens=tokens, batch=7, lr=0.5, seed=9)
    assert sae.d_sae >= d_in
    assert (training.tokens, training.batch, training.lr, training.seed) == (tokens, 7, 0.5, 9)
    assert training.steps == math.ceil(tokens / 7)
    assert training.dead_after <= max(1, tokens)
    narrow, _ = recipe(architecture, d_in, vectors, width=5)
    assert narrow.d_sae == 5


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"k": 33, "width": 32}, "k is 33"),
        ({"k": 0}, "k is 0"),
        ({"k": -1}, "k is -1"),
        ({"width": 0}, "(d_sae) is 0"),
        ({"width": -4}, "(d_sae) is -4"),
        ({"lr": 0.0}, "rate of 0.0"),
        ({"lr": -1e-3}, "rate of -0.001"),
        ({"lr": math.nan}, "rate of nan"),
        ({"lr": math.inf}, "rate of inf"),
        ({"tokens": 0}, "tokens is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"vectors": 0}, "no activations"),
        ({"d_in": 0}, "(d_in) is 0"),
        ({"architecture": "topkk"}, "'topkk'"),
        ({"architecture": "seed-basic", "k": 3}, "has no k"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as refused:
        recipe(**({"architecture": "topk", "d_in": 8, "vectors": 100} | settings))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "changed",
    [{"l1": -1.0}, {"aux": math.nan}, {"warmup": 1.0}, {"held_out": -0.1}, {"dead_after": 0}],
)
def test_a_changed_configuration_is_checked_too(changed: dict[str, Any]) -> None:
    good = TrainConfig(tokens=10, batch=2, lr=0.1)
    with pytest.raises(UserError):
        msgspec.structs.replace(good, **changed)


def test_a_configuration_from_a_file_is_checked_too() -> None:
    with pytest.raises(UserError, match="k is 9"):
        msgspec.json.decode(
            b'{"architecture": "topk", "d_in": 4, "d_sae": 8, "k": 9}', type=SAEConfig
        )

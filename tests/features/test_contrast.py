"""Two texts side by side, against dense codes and formulas written out."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.errors import UserError
from engine.features.search.contrast import contrast
from engine.features.search.findings import Contrast
from engine.model.load import LanguageModel, load_model
from engine.model.observe import observe
from engine.model.site import Site
from engine.progress import Cancelled, Silent
from engine.sae import blocks
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.input_rule import InputRule

SITE = Site("resid_post", 1)
CONTEXT = 20
A = ["Once upon a time there was a cat.", "It sat on a mat all day long, and purred.", "Ha"]
B = ["def f(x):\n    return x + 1", "", "for i in range(10): print(i)"]


@pytest.fixture(scope="module")
def lm(tiny_llama_path: Path) -> LanguageModel:
    torch.set_num_threads(1)
    return load_model(str(tiny_llama_path), dtype="float32", device="cpu")


@pytest.fixture(params=["topk", "jumprelu", "seed-basic"])
def sae(request: pytest.FixtureRequest) -> SparseAutoencoder:
    k = 3 if request.param == "topk" else None
    config = SAEConfig(architecture=request.param, d_in=32, d_sae=50, k=k)
    sae = build(config, seed=2).requires_grad_(False)
    if request.param == "jumprelu":
        sae.log_threshold.fill_(-3)
    return sae


def dense(lm: LanguageModel, sae: SparseAutoencoder, texts: list[str]) -> Tensor:
    """[tokens, features]: what is active, window by window."""
    codes = []
    for text in texts:
        ids = torch.tensor(lm.tokenizer(text)["input_ids"], dtype=torch.int64)
        for window in ids.split(CONTEXT):
            if len(window):
                x = observe(lm, window[None], [SITE])[SITE][0]
                codes.append(sae.encode(x[window != lm.tokenizer.bos_token_id]))
    return torch.cat([z.where(z > sae.active_threshold, 0) for z in codes]).double()


def compared(lm: LanguageModel, sae: SparseAutoencoder, a: list[str], b: list[str]) -> Contrast:
    return contrast(lm, sae, SITE, lambda: a, lambda: b, context=CONTEXT, most=1000)


@pytest.mark.parametrize("rows", [3, 10_000])
def test_figures(
    lm: LanguageModel, sae: SparseAutoencoder, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", rows * 50)
    a, b = dense(lm, sae, A), dense(lm, sae, B)
    found = compared(lm, sae, A, B)
    assert (found.tokens_a, found.tokens_b) == (len(a), len(b))
    pooled = ((len(a) - 1) * a.var(0) + (len(b) - 1) * b.var(0)) / (len(a) + len(b) - 2)
    seen = torch.cat([a, b]).amax(0).nonzero()[:, 0].tolist()
    assert {feature.id for feature in found.features} == set(seen)
    for feature in found.features:
        here, there = a[:, feature.id], b[:, feature.id]
        assert feature.mean_a == pytest.approx(here.mean().item(), abs=1e-6)
        assert feature.mean_b == pytest.approx(there.mean().item(), abs=1e-6)
        assert feature.density_a == pytest.approx((here > 0).double().mean().item())
        assert feature.density_b == pytest.approx((there > 0).double().mean().item())
        effect = (here.mean() - there.mean()) / pooled[feature.id].sqrt()
        assert feature.effect == pytest.approx(effect.item(), abs=1e-4)
    apart = [abs(feature.mean_a - feature.mean_b) for feature in found.features]
    assert apart == sorted(apart, reverse=True)


def test_sides_can_be_swapped_and_a_text_does_not_differ_from_itself(
    lm: LanguageModel, sae: SparseAutoencoder
) -> None:
    one, other = compared(lm, sae, A, B), compared(lm, sae, B, A)
    assert [f.id for f in one.features] == [f.id for f in other.features]
    assert [f.effect for f in one.features] == [-f.effect for f in other.features]
    assert {f.effect for f in compared(lm, sae, A, A).features} == {0.0}


def test_bos_counts_for_nothing(lm: LanguageModel, sae: SparseAutoencoder) -> None:
    with_bos = dataclasses.replace(lm, tokenizer=_BeginningWithBos(lm.tokenizer))
    texts = ["A cat.", "A dog and a cat."]
    found = compared(with_bos, sae, texts, B)
    assert found.tokens_a == sum(map(len, texts))
    a = dense(with_bos, sae, texts)
    assert {f.id: f.mean_a for f in found.features} == pytest.approx(
        {f.id: a[:, f.id].mean().item() for f in found.features}, abs=1e-6
    )


class _BeginningWithBos:
    def __init__(self, tokenizer: object) -> None:
        self._tokenizer = tokenizer

    def __call__(self, text: str, **options: object) -> dict[str, list[int]]:
        read = self._tokenizer(text, **options)
        first = {"input_ids": self.bos_token_id, "special_tokens_mask": 1, "attention_mask": 1}
        return {name: [first[name], *values] for name, values in read.items() if name in first}

    def __getattr__(self, name: str) -> object:
        return getattr(self._tokenizer, name)


def test_single_tokens_vary_in_nothing(lm: LanguageModel, sae: SparseAutoencoder) -> None:
    found = compared(lm, sae, ["a"], ["b"])
    assert (found.tokens_a, found.tokens_b) == (1, 1)
    for feature in found.features:
        sign = feature.mean_a - feature.mean_b
        assert feature.effect == (math.copysign(math.inf, sign) if sign else 0)


def test_only_the_furthest_are_told_and_progress_counts_tokens(
    lm: LanguageModel, sae: SparseAutoencoder
) -> None:
    heard = []

    class Listening(Silent):
        def __call__(self, phase: str, done: int, *_: object) -> None:
            heard.append((phase, done))

    few = contrast(
        lm, sae, SITE, lambda: A, lambda: B, context=CONTEXT, most=3, progress=Listening()
    )
    assert few.features == compared(lm, sae, A, B).features[:3]
    assert list(dict.fromkeys(heard)) == [("read the first text", 0), ("read the second text", 0)]


def test_it_can_be_given_up_within_a_pass(lm: LanguageModel, sae: SparseAutoencoder) -> None:
    class Impatient(Silent):
        def __call__(self, *_: object) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Cancelled

    whole = compared(lm, sae, A, B)
    for patience in range(1, 2 * lm.n_layers):  # each text is read in one pass
        left = patience
        with pytest.raises(Cancelled):
            contrast(lm, sae, SITE, lambda: A, lambda: B, context=CONTEXT, progress=Impatient())
    assert compared(lm, sae, A, B) == whole


def test_what_can_not_be_contrasted_is_said(lm: LanguageModel, sae: SparseAutoencoder) -> None:
    with pytest.raises(UserError, match="second text holds no token"):
        compared(lm, sae, A, ["", ""])
    with pytest.raises(UserError, match="width 4"):
        compared(lm, build(SAEConfig(architecture="relu", d_in=4, d_sae=9)), A, B)
    with pytest.raises(UserError, match=r"no resid_post\.9"):
        contrast(lm, sae, Site("resid_post", 9), lambda: A, lambda: B)


# Chance


def test_documents_that_tell_two_sets_apart_and_those_that_do_not(
    lm: LanguageModel, sae: SparseAutoencoder
) -> None:
    stories = [
        f"The {who} {did} in the {where}."
        for who in ("cat", "dog")
        for did in ("sat", "ran")
        for where in ("sun", "sea", "fog")
    ]
    numbers = [f"{i}+{i + 3}={2 * i + 3};" for i in range(10, 22)]

    def found(a: list[str], b: list[str], **options: int) -> Contrast:
        return contrast(
            lm, sae, SITE, lambda: a, lambda: b, most=1000, permutations=2000, **options
        )

    apart, alike = found(stories, numbers), found(stories[::2], stories[1::2])
    assert (apart.documents_a, apart.documents_b) == (12, 12)
    assert apart.tested == len(apart.features)
    assert apart.significant == sum(f.q <= 0.05 for f in apart.features) > apart.tested / 3
    keys = [(f.q, -abs(f.effect)) for f in apart.features]
    assert keys == sorted(keys)
    assert alike.significant <= 0.1 * alike.tested
    assert found(stories, numbers) == apart
    assert {f.id for f in found(stories, numbers, seed=1).features} == {
        f.id for f in apart.features
    }


@pytest.mark.parametrize(("a", "b"), [(A[:1], B), (A, B[:1]), (["", A[0]], B)])
def test_of_a_single_document_nothing_is_told_apart_from_chance(
    lm: LanguageModel, sae: SparseAutoencoder, a: list[str], b: list[str]
) -> None:
    found = contrast(lm, sae, SITE, lambda: a, lambda: b, permutations=100)
    assert (found.tested, found.significant) == (0, 0)
    assert {(f.p, f.q) for f in found.features} == {(None, None)}


def test_what_an_sae_is_not_given_is_left_out(lm: LanguageModel, sae: SparseAutoencoder) -> None:
    first_four = InputRule(start=0, stop=4)
    found = contrast(lm, sae, SITE, lambda: A, lambda: B, given=first_four, most=1000)
    assert (found.tokens_a, found.tokens_b) == (4 + 4 + 2, 4 + 4)
    a = torch.cat([dense(lm, sae, [text])[:4] for text in A])
    for feature in found.features:
        assert feature.mean_a == pytest.approx(a[:, feature.id].mean().item(), abs=1e-6)

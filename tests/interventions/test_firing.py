"""Features of a text and what they do, against hooks put in by hand."""

import copy
import dataclasses
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from engine.errors import UserError
from engine.features.search.findings import Firing
from engine.interventions.firing import find_firing
from engine.interventions.prompt_run import ModelWithSAE
from engine.interventions.spec import FeatureEdit
from engine.model.generate import logits
from engine.model.load import LanguageModel, load_model
from engine.model.observe import observe
from engine.model.site import Site
from engine.model.text import encode
from engine.progress import Cancelled, Silent
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from tests.interventions.bench import SITE, Bench

PROMPT = "Once upon a time there was a little girl"
KINDS = {
    "topk": {"k": 6},
    "batchtopk": {"k": 6},
    "matryoshka": {"k": 6, "groups": (40, 56)},
    "jumprelu": {},
    "relu": {},
    "gated": {},
    "seed-basic": {},
    "seed-optimised": {},
    "topk between layer norms": {"k": 6, "layer_norm": True},
}


@pytest.fixture(scope="module")
def lm(bench: Bench) -> LanguageModel:
    return bench.lm


@pytest.fixture(scope="module", params=KINDS)
def subject(request: pytest.FixtureRequest, lm: LanguageModel) -> ModelWithSAE:
    return ModelWithSAE(lm, sae_of(request.param.split()[0], **KINDS[request.param]), SITE)


def sae_of(architecture: str, **settings: object) -> SparseAutoencoder:
    config = SAEConfig(architecture=architecture, d_in=64, d_sae=96, **settings)
    return build(config).requires_grad_(False)


def codes_of(subject: ModelWithSAE) -> tuple[Tensor, Tensor]:
    """Activations [tokens, d_model] and codes [tokens, features] of the prompt, those of BOS 0."""
    ids = encode(subject.lm, PROMPT)
    x = observe(subject.lm, ids[None], [subject.site])[subject.site][0]
    return x, subject.sae.encode(x) * (ids != subject.lm.tokenizer.bos_token_id)[:, None]


def said_with(subject: ModelWithSAE, change: Callable[[Tensor], Tensor]) -> Tensor:
    """log-probabilities [vocab] after the prompt when x [1, tokens, d_model] becomes change(x)."""
    layer = subject.lm.model.model.layers[subject.site.layer]
    hook = layer.register_forward_hook(lambda _, __, output: change(output))
    try:
        ids = encode(subject.lm, PROMPT)
        return subject.lm.model(input_ids=ids[None]).logits[0, -1].double().log_softmax(-1)
    finally:
        hook.remove()


def test_the_features_are_those_that_are_active(subject: ModelWithSAE) -> None:
    found = find_firing(subject, PROMPT, ablate=0, most=1000)
    _, codes = codes_of(subject)
    codes = codes.where(codes > subject.sae.active_threshold, 0)
    assert {f.id for f in found.features} == set(codes.amax(0).nonzero()[:, 0].tolist())
    assert found.active == len(found.features)
    assert "".join(found.tokens).endswith(PROMPT)
    for feature in found.features:
        assert feature.activations == pytest.approx(codes[:, feature.id].tolist(), abs=1e-5)
        assert feature.peak == int(codes[:, feature.id].argmax())
        assert (feature.effect, feature.kl) == (None, None)


def test_the_target_is_what_the_clean_model_says(subject: ModelWithSAE) -> None:
    found = find_firing(subject, PROMPT, ablate=0)
    clean = logits(subject.lm, encode(subject.lm, PROMPT)[None])[0, -1].double().log_softmax(-1)
    assert found.logp == clean.max().item()
    assert subject.lm.tokenizer.decode(clean.argmax()).strip() == found.target.strip()


def test_attribution_is_minus_gradient_times_activation_of_a_spliced_sae(
    subject: ModelWithSAE,
) -> None:
    sae, (_, codes) = subject.sae, codes_of(subject)
    z = codes.clone().requires_grad_()

    def splice(x: Tensor) -> Tensor:
        made = sae.decode(z, x)
        return x + made - made.detach()

    with torch.enable_grad():
        said_with(subject, splice).max().backward()
    expected = -(z.grad * z).sum(0)
    found = find_firing(subject, PROMPT, ablate=0, most=1000)
    assert [abs(f.attribution) for f in found.features] == sorted(
        (abs(f.attribution) for f in found.features), reverse=True
    )
    for feature in found.features:
        assert feature.attribution == pytest.approx(expected[feature.id].item(), rel=1e-3, abs=1e-6)


def test_effects_are_those_of_taking_the_feature_out_by_hand(subject: ModelWithSAE) -> None:
    sae, (_, codes) = subject.sae, codes_of(subject)
    clean = said_with(subject, lambda x: x)
    found = find_firing(subject, PROMPT, ablate=4, most=7)
    assert [f.effect is not None for f in found.features] == [True] * 4 + [False] * 3
    for feature in found.features[:4]:
        without = codes.clone()
        without[:, feature.id] = 0
        after = said_with(subject, lambda x: x + sae.decode(without, x) - sae.decode(codes, x))  # noqa: B023
        aim = clean.argmax()
        kl = (clean.exp() * (clean - after)).sum().item()
        assert feature.effect == pytest.approx((after - clean)[aim].item(), rel=1e-3, abs=1e-5)
        assert feature.kl == pytest.approx(kl, rel=1e-2, abs=1e-6)


def test_an_effect_is_that_of_the_clamp_that_ablates(bench: Bench) -> None:
    found = find_firing(ModelWithSAE(bench.lm, bench.sae, SITE), PROMPT, ablate=5)
    for feature in found.features[:5]:
        edits = [FeatureEdit(feature=feature.id, operation="ablate")]
        (edited,) = bench.clamp(edits=edits, prompts=[PROMPT], generate=0, nulls=0).prompts
        row = next(row for row in edited.next_token if row.token == found.target)
        assert feature.effect == pytest.approx(row.logp_after - row.logp_before, abs=1e-5)
        assert feature.kl == pytest.approx(edited.kl_per_position[-1], rel=1e-3, abs=1e-7)


@pytest.mark.parametrize("kind", ["topk", "topk between layer norms", "gated"])
def test_small_features_do_to_first_order_what_is_attributed_to_them(
    lm: LanguageModel, kind: str
) -> None:
    sae = sae_of(kind.split(maxsplit=1)[0], **KINDS[kind])
    sae.W_dec.mul_(1e-2)
    found = find_firing(ModelWithSAE(lm, sae, SITE), PROMPT, ablate=10)
    for feature in found.features[:10]:
        assert feature.effect == pytest.approx(feature.attribution, rel=0.1, abs=2e-5)
    assert abs(found.features[0].attribution) > 5e-4


def test_what_was_ablated_comes_first_by_effect(bench: Bench) -> None:
    subject = ModelWithSAE(bench.lm, bench.sae, SITE)
    found = find_firing(subject, PROMPT, ablate=8, most=12)
    effects = [abs(f.effect) for f in found.features[:8]]
    assert effects == sorted(effects, reverse=True)
    ablated = {f.id for f in found.features[:8]}
    promising = {
        feature.id
        for by in ("effect", "activation")
        for feature in find_firing(subject, PROMPT, ablate=0, most=4, by=by).features
    }
    assert promising <= ablated
    shares = [abs(f.attribution) for f in found.features[8:]]
    assert shares == sorted(shares, reverse=True)
    assert found.active > len(found.features) == 12


def test_all_can_be_ordered_by_activation(subject: ModelWithSAE) -> None:
    found = find_firing(subject, PROMPT, ablate=2, most=9, by="activation")
    everything = find_firing(subject, PROMPT, ablate=0, most=1000).features
    largest = sorted((max(f.activations) for f in everything), reverse=True)[:9]
    assert [max(f.activations) for f in found.features] == largest


def test_batches_do_not_matter(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = ModelWithSAE(bench.lm, bench.sae, SITE)
    together = find_firing(subject, PROMPT, ablate=8, most=8)
    monkeypatch.setattr("engine.interventions.prompt_run.LOGITS_AT_ONCE", 1)
    monkeypatch.setattr("engine.interventions.attribution.rows_per_block", lambda width: 1)
    alone = find_firing(subject, PROMPT, ablate=8, most=8)
    for one, other in zip(together.features, alone.features, strict=True):
        assert (one.id, one.activations) == (other.id, other.activations)
        assert one.attribution == pytest.approx(other.attribution, rel=1e-6)
        assert one.effect == pytest.approx(other.effect, abs=1e-5)


def test_a_target_can_be_named_without_its_space(bench: Bench) -> None:
    subject = ModelWithSAE(bench.lm, bench.sae, SITE)
    clean = logits(bench.lm, encode(bench.lm, PROMPT)[None])[0, -1].double().log_softmax(-1)
    found = find_firing(subject, PROMPT, target="the", ablate=3)
    spellings = [i for i in range(512) if bench.lm.tokenizer.decode(i).strip() == "the"]
    assert found.target.strip() == "the"
    assert found.logp == max(clean[spellings]).item()
    assert find_firing(subject, PROMPT, target=found.target, ablate=3) == found


def test_a_token_of_its_own_for_bos_is_left_alone(bench: Bench) -> None:
    found = find_firing(ModelWithSAE(bench.lm, bench.sae, SITE), PROMPT, ablate=0)
    assert all(feature.activations[0] == 0 for feature in found.features)
    nothing = find_firing(ModelWithSAE(bench.lm, bench.sae, SITE), "")
    assert (len(nothing.tokens), nothing.active, nothing.features) == (1, 0, [])
    assert math.isfinite(nothing.logp)


def test_a_model_in_half_precision(bench: Bench) -> None:
    half = load_model(bench.lm.source, dtype="bfloat16", device="cpu")
    found = find_firing(ModelWithSAE(half, bench.sae, SITE), PROMPT, ablate=20)
    full = find_firing(ModelWithSAE(bench.lm, bench.sae, SITE), PROMPT, ablate=20)
    assert half.dtype == torch.bfloat16
    assert found.logp == pytest.approx(full.logp, abs=0.1)
    assert found.target == full.target
    shares = _shares(full)
    for feature in found.features[:20]:
        assert feature.attribution == pytest.approx(shares[feature.id], abs=0.1)
    assert {f.id for f in found.features[:5]} & {f.id for f in full.features[:5]}


def _shares(found: Firing) -> dict[int, float]:
    return {feature.id: feature.attribution for feature in found.features}


class Impatient(Silent):
    """Gives up at one of its calls (0: never), and tells what came."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.heard: list[tuple[str, int]] = []

    def __call__(self, phase: str, done: int, *_: object) -> None:
        self.heard.append((phase, done))
        if len(self.heard) == self.at:
            raise Cancelled


def test_it_says_how_far_it_is_and_can_be_given_up_at_any_moment(bench: Bench) -> None:
    subject, patient = ModelWithSAE(bench.lm, bench.sae, SITE), Impatient()
    whole = find_firing(subject, PROMPT, progress=patient)
    tried = sum(feature.effect is not None for feature in whole.features)
    assert list(dict.fromkeys(patient.heard)) == [
        ("attribute", 0),
        *(("ablate", done) for done in range(tried + 1)),
    ]
    calls = len(patient.heard)
    assert calls > 2 * bench.lm.n_layers + tried  # within the passes, too
    for at in range(1, calls, calls // 5):
        with pytest.raises(Cancelled):
            find_firing(subject, PROMPT, progress=Impatient(at))
    assert find_firing(subject, PROMPT) == whole


def test_what_can_not_be_done_is_said(bench: Bench) -> None:
    subject = ModelWithSAE(bench.lm, bench.sae, SITE)
    with pytest.raises(UserError, match=r"'xylophones' is no .* 'x' \+ 'y' .*\+ …\. .*'x'"):
        find_firing(subject, PROMPT, target="xylophones")
    with pytest.raises(UserError, match="reads it as nothing"):
        find_firing(subject, PROMPT, target="")
    with pytest.raises(UserError, match=r"tokens can't fit into the 512 .*\. Shorten the prompt\."):
        find_firing(subject, PROMPT * 60)
    with pytest.raises(UserError, match="can't be negative"):
        find_firing(subject, PROMPT, ablate=-1)
    with pytest.raises(UserError, match="transcoder"):
        find_firing(ModelWithSAE(bench.lm, sae_of("relu", d_out=64), SITE), PROMPT)
    narrow = build(SAEConfig(architecture="relu", d_in=32, d_sae=9))
    with pytest.raises(UserError, match="width 32"):
        find_firing(ModelWithSAE(bench.lm, narrow, SITE), PROMPT)
    with pytest.raises(UserError, match=r"no resid_post\.7"):
        find_firing(ModelWithSAE(bench.lm, bench.sae, Site("resid_post", 7)), PROMPT)


def test_a_tokenizer_without_bos_can_leave_nothing_to_read(bench: Bench) -> None:
    tokenizer = copy.deepcopy(bench.lm.tokenizer)
    tokenizer.backend_tokenizer.post_processor = None
    plain = dataclasses.replace(bench.lm, tokenizer=tokenizer)
    assert encode(plain, "").tolist() == []
    with pytest.raises(UserError, match="holds no token"):
        find_firing(ModelWithSAE(plain, bench.sae, SITE), "")

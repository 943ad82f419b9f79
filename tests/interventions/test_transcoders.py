"""Edits of a transcoder's features, against plain PyTorch hooks on the MLP of the model."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from engine.activations.capture.documents import capture_documents
from engine.activations.store.activation_set import ActivationSet
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.scan.scan import scan
from engine.features.search.contrast import contrast
from engine.interventions.clamp import clamp
from engine.interventions.firing import find_firing
from engine.interventions.prompt_run import ModelWithSAE
from engine.interventions.spec import (
    ClampRequest,
    FeatureEdit,
    ModelReport,
    ReconstructionReport,
)
from engine.model.load import LanguageModel, load_model
from engine.model.observe import observe
from engine.model.site import Site
from engine.model.text import decode, encode
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from tests.interventions.bench import PROMPTS

LAYER, D, N = 2, 64, 80
READ, WRITTEN = Site("mlp_in", LAYER), Site("mlp_out", LAYER)


@dataclasses.dataclass(frozen=True)
class Subject:
    lm: LanguageModel
    sae: SparseAutoencoder
    catalogue: Catalogue

    @property
    def in_model(self) -> ModelWithSAE:
        return ModelWithSAE.from_scan(self.lm, self.sae, READ, self.catalogue, WRITTEN)

    @property
    def feature(self) -> int:
        return int(self.catalogue.columns["density"].argmax())

    def clamp(self, **changes: object) -> Any:
        edits = [FeatureEdit(feature=self.feature, value=5.0, unit="max")]
        usual = ClampRequest(sae="t", edits=edits, prompts=list(PROMPTS), generate=6, nulls=4)
        request = msgspec.structs.replace(usual, **changes)
        return clamp(self.in_model, self.catalogue, request)


def encoded(sae: SparseAutoencoder, x: Tensor) -> Tensor:
    """The formula of a ReLU transcoder, which reads x as it is."""
    weights = dict(sae.named_parameters())
    return functional.relu(x @ weights["W_enc"].T + weights["b_enc"])


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "skip"])
def subject(
    request: pytest.FixtureRequest,
    stories_model_path: Path,
    stories_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Subject:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("transcoder")
    lm = load_model(str(stories_model_path), dtype="float32", device="cpu")
    texts = msgspec.json.decode(stories_path.read_bytes())[:12]
    folders = [folder / "read", folder / "written"]
    capture_documents(lm, texts, [READ, WRITTEN], folders, origin="stories", context=60)
    config = SAEConfig(architecture="relu", d_in=D, d_sae=N, d_out=D, skip=request.param)
    torch.manual_seed(1)
    sae = build(config).requires_grad_(False)
    for name, weight in sae.named_parameters():
        weight.normal_(-0.8 if name == "b_enc" else 0.0, 0.2)
    scan(sae, ActivationSet.open(folders[0]), folder / "catalogue", lm=lm, site=WRITTEN)
    return Subject(lm, sae, Catalogue.open(folder / "catalogue"))


@contextmanager
def on_mlp(subject: Subject, change: Any) -> Iterator[None]:
    """What the MLP gives out at every position but 0 (BOS) goes through `change`(x, y)."""
    place = 0

    def hook(_: Any, args: tuple[Tensor, ...], y: Tensor) -> Tensor:
        nonlocal place
        behind = (torch.arange(place, place + y.shape[1]) > 0)[:, None]
        place += y.shape[1]
        return torch.where(behind, change(args[0], y), y)

    handle = subject.lm.layers[LAYER].mlp.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def clamped(subject: Subject, amount: float) -> Any:
    feature, sae = subject.feature, subject.sae

    def change(x: Tensor, y: Tensor) -> Tensor:
        moved = (amount - encoded(sae, x)[..., feature])[..., None] * sae.W_dec[feature]
        return y + moved

    return change


@torch.no_grad()
def test_a_clamp_is_the_edit_of_what_the_mlp_gives_out(subject: Subject) -> None:
    report = subject.clamp()
    assert isinstance(report, ModelReport)
    assert (report.read_site, report.site) == (str(READ), str(WRITTEN))
    checks = report.checks
    assert (checks.no_op, checks.hf_identical, checks.error_kept, checks.bos_masked) == (True,) * 4
    assert checks.error_kept_deviation < 1e-5
    change = clamped(subject, 5.0 * report.maxima[0])
    model = subject.lm.model
    for prompt, text in zip(report.prompts, PROMPTS, strict=True):
        own = encode(subject.lm, text)
        ids = model.generate(own[None], max_new_tokens=6, do_sample=False)
        given: list[Tensor] = []

        def note(x: Tensor, y: Tensor, given: list[Tensor] = given) -> Tensor:
            given[:] = [x, y]
            return y

        with on_mlp(subject, note):
            p = model(ids).logits[0].double().log_softmax(-1)
        with on_mlp(subject, change):
            q = model(ids).logits[0].double().log_softmax(-1)
        with on_mlp(subject, change):
            written = model.generate(own[None], max_new_tokens=6, do_sample=False)
        kl = (p.exp() * (p - q)).sum(-1)
        assert prompt.kl_per_position == pytest.approx(kl.tolist(), rel=1e-3, abs=1e-6)
        assert prompt.kl > 0.001
        assert prompt.edited_text == decode(subject.lm, written[0, len(own) :])
        x, y = (each[0] for each in given)
        added = (change(x, y) - y)[1:]
        assert prompt.max_abs_diff == pytest.approx(added.abs().max().item(), rel=1e-3)
        relative = (added.norm(dim=-1) / y[1:].norm(dim=-1)).mean().item()
        assert prompt.relative_norm == pytest.approx(relative, rel=1e-3)
        assert prompt.null is not None
        assert prompt.null.n == 4


@torch.no_grad()
def test_each_null_is_the_same_edit_of_another_feature(subject: Subject) -> None:
    report = subject.clamp(generate=0)
    alone = [
        subject.clamp(edits=[FeatureEdit(feature=each, value=5.0, unit="max")], nulls=0, generate=0)
        for (each,) in report.null_features
    ]
    for index, prompt in enumerate(report.prompts):
        effects = [each.prompts[index].kl for each in alone]
        assert prompt.null.mean == pytest.approx(sum(effects) / 4, rel=1e-4)


@torch.no_grad()
def test_the_reconstruction_view_decodes_what_is_predicted(subject: Subject) -> None:
    report = subject.clamp(view="reconstruction", generate=0)
    assert isinstance(report, ReconstructionReport)
    for prompt, text in zip(report.prompts, PROMPTS, strict=True):
        ids, given = encode(subject.lm, text)[None], list[Tensor]()
        handle = subject.lm.layers[LAYER].mlp.register_forward_pre_hook(
            lambda _, args, given=given: given.append(args[0][0])
        )
        subject.lm.model(ids)
        handle.remove()
        z = encoded(subject.sae, given[0])[:, subject.feature]
        moved = (5.0 * report.maxima[0] - z)[:, None] * subject.sae.W_dec[subject.feature]
        assert prompt.mean_abs_diff == pytest.approx(moved.abs().mean().item(), rel=1e-3)


def test_attributions_and_effects_are_those_of_what_the_mlp_gives_out(subject: Subject) -> None:
    lm, sae = subject.lm, subject.sae
    found = find_firing(subject.in_model, PROMPTS[0], ablate=3)
    ids = encode(lm, PROMPTS[0])[None]
    aim = found.target
    kept: list[Tensor] = []

    def watch(x: Tensor, y: Tensor) -> Tensor:
        kept[:] = [x.detach(), y.detach().requires_grad_()]
        return kept[1].clone()

    with torch.enable_grad(), on_mlp(subject, watch):
        logp = lm.model(ids).logits[0, -1].double().log_softmax(-1)
        best = int(logp.argmax())
        (gradient,) = torch.autograd.grad(logp[best], kept[1])
    z = encoded(sae, kept[0])[0]
    z[0] = 0  # BOS
    expected = -(z * (gradient[0] @ sae.W_dec.T)).sum(0)
    assert found.logp == pytest.approx(logp[best].item(), rel=1e-5)
    assert aim == found.target
    shares = {feature.id: feature.attribution for feature in found.features}
    assert set(shares) == set((z > 0).any(0).nonzero().flatten().tolist())
    for feature, share in shares.items():
        assert share == pytest.approx(expected[feature].item(), rel=1e-3, abs=1e-6)
    tried = [feature for feature in found.features if feature.effect is not None]
    assert len(tried) == 3
    for feature in tried:

        def ablated(x: Tensor, y: Tensor, feature: int = feature.id) -> Tensor:
            return y - encoded(sae, x)[..., feature, None] * sae.W_dec[feature]

        with torch.no_grad(), on_mlp(subject, ablated):
            after = lm.model(ids).logits[0, -1].double().log_softmax(-1)[best].item()
        assert feature.effect == pytest.approx(after - logp[best].item(), rel=1e-3, abs=1e-6)


@torch.no_grad()
def test_a_contrast_is_of_what_the_transcoder_reads(subject: Subject) -> None:
    lm = subject.lm
    found = contrast(lm, subject.sae, READ, lambda: PROMPTS[:1], lambda: PROMPTS[1:], most=N)
    means = []
    for text in PROMPTS:
        given: list[Tensor] = []
        handle = lm.layers[LAYER].mlp.register_forward_pre_hook(
            lambda _, args, given=given: given.append(args[0][0])
        )
        lm.model(encode(lm, text)[None])
        handle.remove()
        means.append(encoded(subject.sae, given[0][1:]).mean(0))
    for feature in found.features:
        assert feature.mean_a == pytest.approx(means[0][feature.id].item(), rel=1e-3, abs=1e-6)
        assert feature.mean_b == pytest.approx(means[1][feature.id].item(), rel=1e-3, abs=1e-6)


def test_promoted_tokens_are_those_of_the_direction_that_is_written(subject: Subject) -> None:
    promoted = subject.catalogue.token_effects("promoted")
    assert promoted is not None
    head, norm = subject.lm.model.lm_head.weight, subject.lm.model.model.norm.weight
    effects = (subject.sae.W_dec * norm) @ head.T
    assert promoted[:, 0].tolist() == effects.argmax(-1).tolist()


@torch.no_grad()
def test_sinks_of_what_is_written_are_left_alone(subject: Subject) -> None:
    ids = encode(subject.lm, PROMPTS[0])
    y = observe(subject.lm, ids[None], [WRITTEN])[WRITTEN][0]
    longest = y[1:].norm(dim=-1).argmax().item() + 1
    limit = y[longest].norm().item() * 0.9999
    expected = {0, *(y.norm(dim=-1) > limit).nonzero().flatten().tolist()}
    limited = dataclasses.replace(subject.in_model, target_max_norm=limit)
    edits = [FeatureEdit(feature=subject.feature, value=5.0, unit="max")]
    request = ClampRequest(sae="t", edits=edits, prompts=PROMPTS[:1], generate=0, nulls=2)
    report = clamp(limited, subject.catalogue, request)
    assert isinstance(report, ModelReport)
    (prompt,) = report.prompts
    assert {one.position for one in prompt.left_out} == expected
    assert prompt.left_out[-1].reason == "sink"
    assert report.checks.sinks_masked
    assert report.checks.error_kept
    change = clamped(subject, 5.0 * report.maxima[0])
    kept = torch.tensor([place in expected for place in range(len(ids))])[:, None]
    with on_mlp(subject, lambda x, y: torch.where(kept, y, change(x, y))):
        q = subject.lm.model(ids[None]).logits[0].double().log_softmax(-1)
    p = subject.lm.model(ids[None]).logits[0].double().log_softmax(-1)
    kl = (p.exp() * (p - q)).sum(-1)
    assert prompt.kl_per_position == pytest.approx(kl.tolist(), rel=1e-3, abs=1e-6)
    found = find_firing(limited, PROMPTS[0], ablate=0)
    assert {one.position for one in found.left_out} == expected
    assert all(feature.activations[longest] == 0 for feature in found.features)


def test_what_does_not_fit_is_said(subject: Subject) -> None:
    early = dataclasses.replace(subject.in_model, target=Site("mlp_out", 0))
    with pytest.raises(UserError, match=r"mlp_out\.0 is computed before mlp_in\.2"):
        find_firing(early, PROMPTS[0])
    unknown = dataclasses.replace(subject.in_model, target=None)
    with pytest.raises(UserError, match=r"don't tell which site it predicts"):
        find_firing(unknown, PROMPTS[0])
    narrow = build(SAEConfig(architecture="relu", d_in=D, d_sae=9, d_out=D - 1))
    with pytest.raises(UserError, match=r"predicts activations of width 63.* are 64 wide"):
        find_firing(dataclasses.replace(subject.in_model, sae=narrow), PROMPTS[0])

"""The badges turn red when what they stand for is broken."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from tokenizers.processors import TemplateProcessing
from torch import Tensor

from engine.interventions import checks as checks_module
from engine.interventions.checks import combine_checks, error_is_kept
from engine.interventions.clamp import clamp
from engine.interventions.prompt_run import ModelWithSAE
from engine.interventions.spec import Checks, FeatureEdit, ModelReport
from engine.interventions.steering import PositionMask, Steering
from engine.model.load import load_model
from engine.model.site import KINDS, Site, SiteKind
from tests.interventions.bench import SITE, Bench


def checks(bench: Bench, **changes: object) -> Checks:
    return bench.clamp(generate=0, nulls=0, **changes).checks


def test_dropping_the_error_is_noticed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def reconstructing(self: Steering, x: Tensor, y: Tensor, positions: Tensor) -> Tensor:
        reconstruction: Tensor = bench.sae(x)
        return reconstruction.expand(len(self._rows), -1, -1)

    monkeypatch.setattr(Steering, "__call__", reconstructing)
    found = checks(bench)
    assert not found.error_kept
    assert not found.no_op
    assert not found.bos_masked
    assert found.hf_identical


def test_an_edit_that_never_arrives_is_noticed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Steering, "__call__", lambda self, x, y, positions: y.expand(len(self._rows), -1, -1)
    )
    found = checks(bench)
    assert not found.error_kept
    assert found.no_op


def test_an_edit_of_the_beginning_of_sequence_is_noticed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PositionMask, "at", lambda self, positions, x, y: positions >= 0)
    assert not checks(bench).bos_masked


@pytest.mark.parametrize(
    ("prefix", "before"), [(["</s>", "<s>"], [0, 1]), (["</s>"], [0]), ([], [])]
)
def test_all_that_the_tokenizer_puts_before_a_text_is_masked_and_named_only_then(
    bench: Bench, stories_model_path: Path, prefix: list[str], before: list[int]
) -> None:
    lm = load_model(str(stories_model_path), device="cpu")
    ids = {token: lm.tokenizer.convert_tokens_to_ids(token) for token in ("<s>", "</s>")}
    lm.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=[*prefix, "$A"], special_tokens=list(ids.items())
    )
    odd = Bench(lm, bench.sae, bench.catalogue)
    (run,) = ModelWithSAE(lm, bench.sae, SITE).read_prompts(["Once upon a time"])
    left_out = run.left_out(run.activations())
    assert [(one.position, one.reason) for one in left_out] == [(i, "start") for i in before]
    touched = run.mask.at(run.positions, run.activations())
    assert touched.logical_not().nonzero().flatten().tolist() == before
    found = checks(odd)
    assert found.bos_masked is (True if before else None)
    assert found.error_kept
    assert combine_checks([found, checks(bench)]).bos_masked is True


def test_logits_that_are_not_the_models_own_are_noticed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = checks_module.logits

    def slightly_off(*args: Any, **kwargs: Any) -> Tensor:
        return honest(*args, **kwargs) * (1 + 1e-6)

    monkeypatch.setattr(checks_module, "logits", slightly_off)
    found = checks(bench)
    assert not found.hf_identical
    assert found.no_op


def test_the_error_is_kept_in_bfloat16(bench: Bench, stories_model_path: Path) -> None:
    half = load_model(str(stories_model_path), dtype="bfloat16", device="cpu")
    found = checks(Bench(half, bench.sae, bench.catalogue))
    assert (found.no_op, found.hf_identical, found.error_kept, found.bos_masked) == (True,) * 4
    assert 0 < found.error_kept_deviation < 2**-7


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rounding_is_allowed_and_more_is_not(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 30, generator=generator).to(dtype)
    intended = torch.randn(5, 30, generator=generator)
    moved = (x.float() + intended).to(dtype)
    assert error_is_kept(x, moved, intended)
    moved[2, 3] += 0.05
    assert not error_is_kept(x, moved, intended)


@pytest.mark.parametrize("kind", KINDS)
def test_the_checks_hold_at_every_kind_of_site(bench: Bench, kind: SiteKind) -> None:
    request = bench.request(generate=0, nulls=0)
    subject = ModelWithSAE(bench.lm, bench.sae, Site(kind, 1))
    report = clamp(subject, bench.catalogue, request)
    assert isinstance(report, ModelReport)
    found = report.checks
    assert (found.no_op, found.hf_identical, found.error_kept, found.bos_masked) == (True,) * 4
    assert all(prompt.kl > 0 for prompt in report.prompts)


@pytest.mark.parametrize(
    "edit",
    [
        FeatureEdit(feature=0, operation="ablate"),
        FeatureEdit(feature=0, operation="scale", value=-2.0),
        FeatureEdit(feature=0, operation="add", value=0.5),
    ],
)
def test_the_checks_hold_for_every_operation(bench: Bench, edit: FeatureEdit) -> None:
    edits = [msgspec.structs.replace(edit, feature=bench.busiest(place)) for place in (1, 2)]
    found = checks(bench, edits=edits)
    assert (found.no_op, found.hf_identical, found.error_kept, found.bos_masked) == (True,) * 4

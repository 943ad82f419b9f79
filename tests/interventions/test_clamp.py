"""What `clamp` refuses, and the view of the reconstruction alone."""

from pathlib import Path

import pytest
import torch

from engine.errors import UserError
from engine.interventions.clamp import clamp
from engine.interventions.prompt_run import ModelWithSAE
from engine.interventions.spec import BY_CONSTRUCTION, FeatureEdit, ReconstructionReport
from engine.model.observe import observe
from engine.model.site import Site
from engine.model.text import encode
from engine.progress import Cancelled
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.input_rule import InputRule
from tests.interventions.bench import PROMPTS, SITE, Bench


@torch.no_grad()
def test_the_reconstruction_view_is_the_seeds_experiment(bench: Bench) -> None:
    feature = bench.busiest()
    edits = [FeatureEdit(feature=feature, value=5.0)]
    report = bench.clamp(view="reconstruction", edits=edits, generate=6)
    assert isinstance(report, ReconstructionReport)
    assert report.note == BY_CONSTRUCTION
    assert report.maxima == bench.catalogue.maxima([feature])
    for prompt, text in zip(report.prompts, PROMPTS, strict=True):
        ids = bench.lm.model.generate(
            encode(bench.lm, text)[None], max_new_tokens=6, do_sample=False
        )
        x = observe(bench.lm, ids, [SITE])[SITE][0]
        encoded = bench.sae.encode(x)
        baseline = bench.sae.decode(encoded)
        encoded[:, feature] = 5.0
        difference = bench.sae.decode(encoded) - baseline
        assert prompt.mean_abs_diff == pytest.approx(difference.abs().mean().item(), rel=1e-4)
        assert prompt.max_abs_diff == pytest.approx(difference.abs().max().item(), rel=1e-4)
        assert len(prompt.tokens) == len(ids[0])
        for top in prompt.top_dims:
            assert top.delta == pytest.approx(difference[top.token, top.dim].item(), rel=1e-4)


def test_a_file_of_prompts_is_read(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("One day\nThe cat\n")
    report = bench.clamp(view="reconstruction", prompts=[], prompt_file=str(path), generate=0)
    assert [prompt.prompt for prompt in report.prompts] == ["One day", "The cat"]
    assert f"--prompts {path}" in report.reproduce


def test_no_prompt_at_all(bench: Bench) -> None:
    with pytest.raises(UserError, match="no prompt"):
        bench.clamp(prompts=[])


def test_a_prompt_that_does_not_fit(bench: Bench) -> None:
    with pytest.raises(UserError, match="512"):
        bench.clamp(prompts=["word " * 600])
    with pytest.raises(UserError, match="512"):
        bench.clamp(generate=510)


def test_an_sae_of_another_width(bench: Bench) -> None:
    sae = build(SAEConfig(architecture="topk", d_in=32, d_sae=96, k=6))
    with pytest.raises(UserError, match=r"width 32.*64 wide"):
        clamp(ModelWithSAE(bench.lm, sae, SITE), bench.catalogue, bench.request())


def test_a_transcoder_that_predicts_nobody_knows_what(bench: Bench) -> None:
    sae = build(SAEConfig(architecture="relu", d_in=64, d_sae=96, d_out=64))
    with pytest.raises(UserError, match=r"don't tell which site it predicts.*--target-site"):
        clamp(ModelWithSAE(bench.lm, sae, SITE), bench.catalogue, bench.request())


def test_a_catalogue_of_another_sae(bench: Bench) -> None:
    sae = build(SAEConfig(architecture="topk", d_in=64, d_sae=95, k=6))
    with pytest.raises(UserError, match=r"96 features.*95"):
        clamp(ModelWithSAE(bench.lm, sae, SITE), bench.catalogue, bench.request())


def test_a_site_beyond_the_last_layer(bench: Bench) -> None:
    with pytest.raises(UserError):
        clamp(
            ModelWithSAE(bench.lm, bench.sae, Site("resid_post", 5)),
            bench.catalogue,
            bench.request(),
        )


class CancelAt:
    """Progress that cancels at one call, and tells how many came."""

    def __init__(self, call: int) -> None:
        self.call = call
        self.calls: list[tuple[int, int | None]] = []

    def __call__(
        self,
        phase: str,
        done: int,
        total: int | None = None,
        unit: str = "",
        metrics: object = None,
    ) -> None:
        self.calls.append((done, total))
        if len(self.calls) == self.call:
            raise Cancelled

    def note(self, text: str) -> None:
        return

    @property
    def interrupted(self) -> bool:
        return False


@pytest.mark.parametrize("view", ["model", "reconstruction"])
def test_it_can_be_cancelled_at_any_moment(bench: Bench, view: str) -> None:
    request = bench.request(view=view, generate=3, nulls=2)
    before = bench.clamp(view=view, generate=3, nulls=2)  # the first measures the model, too
    watched = CancelAt(0)
    clamp(bench.subject, bench.catalogue, request, progress=watched)
    calls = len(watched.calls)
    assert watched.calls[0] == (0, 2)
    assert watched.calls[-1] == (2, 2)
    assert watched.calls == sorted(watched.calls)
    for call in range(1, calls, calls // 10):
        with pytest.raises(Cancelled):
            clamp(bench.subject, bench.catalogue, request, progress=CancelAt(call))
    assert bench.clamp(view=view, generate=3, nulls=2) == before


@pytest.mark.parametrize("view", ["model", "reconstruction"])
def test_each_generated_token_and_each_layer_is_a_moment_to_cancel(bench: Bench, view: str) -> None:
    def calls(generate: int) -> int:
        watched = CancelAt(0)
        request = bench.request(view=view, generate=generate, nulls=0, prompts=PROMPTS[:1])
        clamp(bench.subject, bench.catalogue, request, progress=watched)
        return len(watched.calls)

    assert calls(12) - calls(4) >= 8 * bench.lm.n_layers


@pytest.mark.parametrize("view", ["model", "reconstruction"])
@pytest.mark.parametrize("rule", [InputRule(start=4, stop=14, step=3), InputRule(start=13)])
def test_what_the_model_writes_is_edited_only_where_the_sae_is_given_it(
    bench: Bench, view: str, rule: InputRule
) -> None:
    request = bench.request(view=view, nulls=0)
    report = clamp(
        ModelWithSAE(bench.lm, bench.sae, SITE, input_rule=rule), bench.catalogue, request
    )
    for prompt in report.prompts:
        given = set(range(len(prompt.tokens))[rule.start : rule.stop : rule.step])
        left_out = {one.position for one in prompt.left_out}
        assert left_out == set(range(len(prompt.tokens))) - given
        assert {top.token for top in prompt.top_dims} <= given


def test_nothing_is_written_differently_where_the_sae_is_given_no_token(bench: Bench) -> None:
    request, rule = bench.request(nulls=0), InputRule(start=40)
    report = clamp(
        ModelWithSAE(bench.lm, bench.sae, SITE, input_rule=rule), bench.catalogue, request
    )
    assert all(len(prompt.tokens) < 40 for prompt in report.prompts)
    assert [prompt.divergence for prompt in report.prompts] == [None, None]
    assert [prompt.divergence for prompt in bench.clamp(nulls=0).prompts] != [None, None]

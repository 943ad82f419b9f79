"""Splicing, against plain transformers with forward hooks written by hand, one text at a time."""

import functools
import math
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from engine.activations.windows import Window
from engine.errors import UserError
from engine.model.load import LanguageModel, load_model
from engine.model.site import Site, parse_site
from engine.model.text import encode
from engine.sae import blocks
from engine.sae.evaluation import splice as module
from engine.sae.evaluation.splice import SpliceMetrics, splice
from tests.sae.evaluation.plain import PlainSAE

torch.set_num_threads(1)

RESID = parse_site("resid_post.1")


@pytest.fixture(scope="module", params=["tiny_llama_path", "stories_model_path"])
def lm(request: pytest.FixtureRequest) -> LanguageModel:
    return load_model(str(request.getfixturevalue(request.param)), dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def windows(lm: LanguageModel) -> list[Window]:
    """BOS and a few words each, of different lengths."""
    texts = [
        "Once upon a time there was a little girl named Lily.",
        "Hi",
        "Tom and his dog went to the park to play. They were very happy.",
        "One day",
    ]
    bos = lm.tokenizer.bos_token_id
    ids = [encode(lm, text)[:60] for text in texts]
    return [
        Window(torch.cat([torch.tensor([bos]), text[text != bos]]), begins=None) for text in ids
    ]


def by_hand(
    lm: LanguageModel,
    windows: list[Window],
    replaced: Callable[[Tensor], Tensor],
    decoded: Callable[[Tensor], Tensor],
) -> SpliceMetrics:
    """The same at resid_post.1, position by position in numpy."""
    model = AutoModelForCausalLM.from_pretrained(lm.source, dtype=torch.float32).eval()
    layer = model.model.layers[1]

    @torch.no_grad()
    def log_p(ids: Tensor, edit: Callable[[Tensor], Tensor] | None) -> np.ndarray:
        def hook(_: object, __: object, output: Tensor | tuple[Tensor, ...]) -> object:
            x = output if isinstance(output, Tensor) else output[0]
            x = x.clone()
            for position in range(x.shape[1]):
                if edit is not None and replaced(ids)[position]:
                    x[0, position] = edit(x[0, position])
            return x if isinstance(output, Tensor) else (x, *output[1:])

        handle = layer.register_forward_hook(hook)
        scores = model(ids[None]).logits[0].double().log_softmax(-1).numpy()
        handle.remove()
        return scores

    clean_nats, sae_nats, zero_nats, kls = [], [], [], []
    for window in windows:
        ids = window.token_ids
        clean, spliced, zeroed = (log_p(ids, e) for e in (None, decoded, torch.zeros_like))
        for position in range(1, len(ids) - 1):
            came = int(ids[position + 1])
            clean_nats.append(-clean[position, came])
            sae_nats.append(-spliced[position, came])
            zero_nats.append(-zeroed[position, came])
            p, q = clean[position], spliced[position]
            kls.append((np.exp(p) * (p - q)).sum())
    clean_ce, sae_ce, zero_ce = (float(np.mean(nats)) for nats in (clean_nats, sae_nats, zero_nats))
    return SpliceMetrics(
        ce_clean=clean_ce,
        ce_sae=sae_ce,
        ce_zero=zero_ce,
        ce_score=(zero_ce - sae_ce) / (zero_ce - clean_ce),
        delta_ce=sae_ce - clean_ce,
        kl=float(np.mean(kls)),
        predictions=len(kls),
    )


def agree(got: SpliceMetrics, expected: SpliceMetrics) -> None:
    assert got.predictions == expected.predictions
    for name in ("ce_clean", "ce_sae", "ce_zero", "delta_ce", "kl"):
        assert getattr(got, name) == pytest.approx(getattr(expected, name), rel=2e-5, abs=1e-6)
    lost = abs(expected.ce_zero - expected.ce_clean)
    assert got.ce_score == pytest.approx(expected.ce_score, abs=4e-6 / lost)


@pytest.mark.parametrize("keeps_bos", [True, False])
def test_all_figures_are_what_hooks_on_the_plain_model_give(
    lm: LanguageModel, windows: list[Window], keeps_bos: bool
) -> None:
    sae = PlainSAE.random(lm.d_model, 50)
    bos = lm.tokenizer.bos_token_id
    got = splice(lm, sae, RESID, windows, start_token_ids=[bos] if keeps_bos else [])
    expected = by_hand(
        lm, windows, lambda ids: ids != (bos if keeps_bos else -1), lambda x: sae(x[None])[0]
    )
    agree(got, expected)
    assert got.kl > 0
    assert got.ce_sae != got.ce_zero


def test_a_perfect_autoencoder_loses_nothing(lm: LanguageModel, windows: list[Window]) -> None:
    got = splice(lm, PlainSAE.identity(lm.d_model), RESID, windows, start_token_ids=[])
    assert (got.ce_score, got.delta_ce, got.kl) == (1, 0, 0)
    assert got.ce_zero != got.ce_clean


def test_an_autoencoder_that_knows_nothing_is_zero_ablation(
    lm: LanguageModel, windows: list[Window]
) -> None:
    got = splice(lm, PlainSAE.zero(lm.d_model), RESID, windows, start_token_ids=[0])
    assert got.ce_sae == got.ce_zero
    assert got.ce_score == 0
    assert got.kl > 0


def test_how_text_is_put_into_passes_and_blocks_changes_nothing(
    lm: LanguageModel, windows: list[Window], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = functools.partial(
        splice, lm, PlainSAE.random(lm.d_model, 50), RESID, start_token_ids=lm.start_ids
    )
    together = run(windows)
    monkeypatch.setattr(module, "PASS_LOGITS", lm.vocab_size)  # a window a pass
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 50 * 7)
    agree(run(windows), together)
    agree(run(windows[::-1]), together)


def test_a_transcoder_reads_one_site_and_replaces_another(
    lm: LanguageModel, windows: list[Window]
) -> None:
    sae = PlainSAE.random(lm.d_model, 40, seed=3)
    site, target = parse_site("resid_pre.1"), parse_site("mlp_out.1")
    bos = lm.tokenizer.bos_token_id
    got = splice(lm, sae, site, windows, target=target, start_token_ids=[bos])

    model = AutoModelForCausalLM.from_pretrained(lm.source, dtype=torch.float32).eval()
    layer, nats, kls = model.model.layers[1], [], []
    for ids in (window.token_ids for window in windows):
        entering: list[Tensor] = []

        def note(_: object, args: tuple[Tensor, ...], entering: list[Tensor] = entering) -> None:
            entering.append(args[0])

        def write(
            _: object, __: object, output: Tensor, ids: Tensor = ids, read: list[Tensor] = entering
        ) -> Tensor:
            return torch.where((ids != bos)[:, None], sae(read[0]), output)

        with torch.no_grad(), ExitStack() as hooks:
            p = model(ids[None]).logits[0].double().log_softmax(-1)
            hooks.callback(layer.register_forward_pre_hook(note).remove)
            hooks.callback(layer.mlp.register_forward_hook(write).remove)
            q = model(ids[None]).logits[0].double().log_softmax(-1)
        for position in range(1, len(ids) - 1):
            nats.append(-q[position, ids[position + 1]].item())
            kls.append((p[position].exp() * (p[position] - q[position])).sum().item())
    assert got.ce_sae == pytest.approx(np.mean(nats), rel=2e-5)
    assert got.kl == pytest.approx(np.mean(kls), rel=1e-4)
    zero = splice(
        lm, PlainSAE.zero(lm.d_model), site, windows, target=target, start_token_ids=[bos]
    )
    assert zero.ce_sae == zero.ce_zero == got.ce_zero


def test_what_cannot_be_spliced_is_said(lm: LanguageModel, windows: list[Window]) -> None:
    sae = PlainSAE.random(lm.d_model, 8)

    def said(
        sae: PlainSAE = sae, site: Site = RESID, text: list[Window] = windows, **more: Site
    ) -> str:
        with pytest.raises(UserError) as refused:
            splice(lm, sae, site, text, start_token_ids=[], **more)
        return str(refused.value)

    assert f"are {lm.d_model} wide" in said(PlainSAE.random(lm.d_model + 1, 8))
    assert "There is no resid_post.99" in said(site=parse_site("resid_post.99"))
    assert "no text to splice into" in said(text=[Window(torch.tensor([0, 5]), begins=None)])
    assert "computed before" in said(target=parse_site("mlp_out.0"))


def test_where_zero_loses_nothing_there_is_no_score(tiny_llama_path: Path) -> None:
    lm = load_model(str(tiny_llama_path), dtype="float32", device="cpu")
    with torch.no_grad():
        lm.layers[2].mlp.down_proj.weight.zero_()
    windows = [Window(torch.arange(3, 20), begins=None)]
    got = splice(
        lm, PlainSAE.random(lm.d_model, 8), parse_site("mlp_out.2"), windows, start_token_ids=[]
    )
    assert math.isnan(got.ce_score)
    assert got.kl > 0

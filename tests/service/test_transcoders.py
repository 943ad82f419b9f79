"""A transcoder through the whole chain: captured in one go, trained, scanned, walked and edited."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from engine.activations.batches.stored import split_documents
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import read_manifest
from engine.activations.store.stored_windows import stored_windows
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.spec import ClampRequest, FeatureEdit, ModelReport
from engine.jobs.kinds import Capture, Evaluate, ExportFeatures, ExportSAE, ImportSAE, Scan, Train
from engine.jobs.run import run
from engine.model.load import load_model
from engine.progress import SILENT
from engine.sae.formats.metadata import read_metadata
from engine.sae.formats.store import load_sae, save_metadata
from engine.service import protocol as p
from engine.service.session import Session
from engine.service.worker_handlers.registry import answer
from engine.workspace.folders import Workspace
from tests.noting import Noting
from tests.service.answering import Asker

TEXTS = [f"The {animal} ran to the {place}. " * 6 for animal in ("dog", "cat", "owl", "fox")
         for place in ("park", "sea", "house")]  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tiny_llama_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """With a skip transcoder from mlp_in.1 to mlp_out.1, which is trained, scanned and measured."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("transcoders")
    (root / "texts.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in TEXTS))
    workspace = Workspace.open(root / "ws")
    do(
        workspace,
        Capture(
            name="both",
            model=str(tiny_llama_path),
            sites=["mlp_in.1", "mlp_out.1"],
            texts=[str(root / "texts.jsonl")],
            context=64,
            device="cpu",
        ),
    )
    spec = Train(
        name="coder",
        activations="both.mlp_in.1",
        target="both.mlp_out.1",
        arch="topk",
        skip=True,
        width=48,
        k=4,
        tokens=1280,
        batch=64,
        device="cpu",
    )
    do(workspace, spec)
    do(workspace, Scan(sae="coder", device="cpu"))
    return workspace


def do(workspace: Workspace, spec: Any, notes: Noting | None = None) -> Any:
    spec.check(workspace)
    return run(spec, workspace, notes or Noting())


def ask(workspace: Workspace, question: Any) -> Any:
    return answer(question, Session(workspace, SILENT))


def by_hand(workspace: Workspace, x: Tensor) -> tuple[Tensor, Tensor]:
    """acts [n, d_sae] and prediction [n, d_out] of the saved weights, by the formula."""
    sae, _ = load_sae(workspace.sae("coder"))
    weights = dict(sae.named_parameters())
    pre = functional.relu(x @ weights["W_enc"].T + weights["b_enc"])
    least = pre.topk(4).values[:, -1:]
    acts = pre.where((pre >= least) & (pre > 0), 0)
    return acts, acts @ weights["W_dec"] + weights["b_dec"] + x @ weights["W_skip"].T


def test_both_sites_are_captured_in_one_pass_and_named_by_the_transcoder(
    workspace: Workspace,
) -> None:
    sets = [ActivationSet.open(workspace.activations(f"both.mlp_{way}.1")) for way in ("in", "out")]
    assert len(sets[0]) == len(sets[1]) > 500
    metadata = read_metadata(workspace.sae("coder"))
    assert (metadata.site, metadata.target_site) == ("mlp_in.1", "mlp_out.1")
    assert metadata.metrics["kl"] is not None
    assert metadata.target_row_summary == sets[1].measure_rows().summary
    subject = Session(workspace, SILENT).subject("coder", "cpu")
    rule = sets[1].measure_rows().summary.rule
    assert rule is not None
    assert subject.target_max_norm == rule.max_norm
    contents = asyncio.run(Asker(workspace)(p.GetContents()))
    (info,) = contents.saes
    assert (info.site, info.target_site) == ("mlp_in.1", "mlp_out.1")


@torch.no_grad()
def test_an_evaluation_replaces_what_the_mlp_gives_out(workspace: Workspace) -> None:
    """CE and KL with the prediction in the place of mlp_out at every token but BOS, CE_zero with
    0 there; no set of targets need be named, as the training knows it."""
    got = do(workspace, Evaluate(sae="coder", device="cpu"))
    assert got.target == "both.mlp_out.1"
    acts = ActivationSet.open(workspace.activations("both.mlp_in.1"))
    lm = load_model(acts.manifest.model, dtype="float32", device="cpu")
    assert got.split == "trained_on"  # so few vectors that none was held out
    nats: dict[str, list[float]] = {"clean": [], "sae": [], "zero": []}
    kls = []
    for window in stored_windows(acts, range(len(TEXTS))):
        ids = window.token_ids
        text = (ids != lm.tokenizer.bos_token_id)[:, None]
        said = {}
        for name in nats:

            def hook(_: Any, args: Any, y: Tensor, name: str = name, text: Tensor = text) -> Any:
                made = by_hand(workspace, args[0][0])[1] if name == "sae" else torch.zeros_like(y)
                return y if name == "clean" else torch.where(text, made, y)

            handle = lm.layers[1].mlp.register_forward_hook(hook)
            said[name] = lm.model(ids[None]).logits[0].double().log_softmax(-1)
            handle.remove()
            places = torch.arange(1, len(ids) - 1)
            nats[name] += (-said[name][places, ids[places + 1]]).tolist()
        p_clean, q = said["clean"][1:-1], said["sae"][1:-1]
        kls += (p_clean.exp() * (p_clean - q)).sum(-1).tolist()
    ce = {name: sum(values) / len(values) for name, values in nats.items()}
    assert got.predictions == len(kls)
    assert got.ce_clean == pytest.approx(ce["clean"], rel=1e-5)
    assert got.ce_sae == pytest.approx(ce["sae"], rel=1e-5)
    assert got.ce_zero == pytest.approx(ce["zero"], rel=1e-5)
    assert got.kl == pytest.approx(sum(kls) / len(kls), rel=1e-3, abs=1e-9)


def test_the_catalogue_is_of_what_it_reads(workspace: Workspace) -> None:
    acts = ActivationSet.open(workspace.activations("both.mlp_in.1"))
    rows, _ = split_documents(acts, 0.0, 0)
    z, _ = by_hand(workspace, acts.rows(rows))
    table = asyncio.run(Asker(workspace)(p.GetFeatureTable(sae="coder")))
    maxima = torch.tensor(np.frombuffer(table.columns["max"], table.dtypes["max"]))
    torch.testing.assert_close(maxima, z.max(0).values, rtol=1e-4, atol=1e-6)
    counts = torch.tensor(np.frombuffer(table.columns["count"], table.dtypes["count"]))
    assert torch.equal(counts.long(), (z > 0).sum(0))


def test_it_is_found_contrasted_and_clamped(workspace: Workspace) -> None:
    firing = ask(workspace, p.FindFiring(sae="coder", prompt="The dog ran", ablate=4, device="cpu"))
    assert firing.features[0].effect is not None
    sides = {side: p.TextSource(text=text) for side, text in (("a", "dog dog"), ("b", "sea sea"))}
    assert ask(workspace, p.FindContrast(sae="coder", device="cpu", **sides)).features
    edits = [FeatureEdit(feature=firing.features[0].id, value=3.0, unit="max")]
    request = ClampRequest(sae="coder", edits=edits, prompts=["The dog"], generate=4, nulls=3)
    report = ask(workspace, p.Clamp(request=request, device="cpu"))
    assert isinstance(report, ModelReport)
    assert (report.read_site, report.site) == ("mlp_in.1", "mlp_out.1")
    assert report.checks.no_op
    assert report.checks.error_kept
    assert report.prompts[0].kl > 0
    assert msgspec.json.decode(msgspec.json.encode(report), type=ModelReport) == report


def test_dashboards_are_of_the_direction_written(workspace: Workspace, tmp_path: Path) -> None:
    do(workspace, ExportFeatures(sae="coder", folder=str(tmp_path / "out"), device="cpu"))
    (content,) = [json.loads(path.read_text()) for path in (tmp_path / "out").iterdir()]
    sae, _ = load_sae(workspace.sae("coder"))
    assert content["layer"] == 1
    first = content["features"][0]
    direction = sae.W_dec[first["feature_index"]]
    assert first["neuron_alignment_indices"] == direction.topk(3).indices.tolist()


def test_one_from_elsewhere_is_told_its_sites_and_finds_the_other_set(
    workspace: Workspace, tmp_path: Path
) -> None:
    save_metadata(
        workspace.sae("coder"),
        msgspec.structs.replace(read_metadata(workspace.sae("coder")), site="", target_site=""),
    )
    do(workspace, ExportSAE(name="coder", folder=str(tmp_path / "out"), format="sparsify"))
    again = ImportSAE(name="stray", source=str(tmp_path / "out"), device="cpu")
    notes = Noting()
    assert do(workspace, again, notes).target_site == ""
    assert any("--target-site" in note for note in notes.notes)
    told = msgspec.structs.replace(
        again, name="told", site="mlp_in.1", target_site="mlp_out.1", model="m"
    )
    assert do(workspace, told).target_site == "mlp_out.1"
    got = do(workspace, Evaluate(sae="told", activations="both.mlp_in.1", device="cpu"))
    assert got.target == "both.mlp_out.1"
    scan = Scan(sae="told", activations="both.mlp_in.1", skip_token_effects=True, device="cpu")
    do(workspace, scan)
    with_tokens = Catalogue.open(workspace.catalogue("coder")).token_effects("promoted")
    assert with_tokens is not None
    assert Catalogue.open(workspace.catalogue("told")).token_effects("promoted") is None
    model = read_manifest(workspace.activations("both.mlp_in.1")).model
    subject = Session(workspace, SILENT).subject("told", "cpu", model)
    assert subject.target_max_norm is not None
    with pytest.raises(UserError, match=r"Name the set .* with --target"):
        do(workspace, Evaluate(sae="stray", activations="both.mlp_in.1", device="cpu"))
    with pytest.raises(UserError, match=r"names no place in a model"):
        do(workspace, msgspec.structs.replace(told, name="wrong", target_site="mlp.1"))

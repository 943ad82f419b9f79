"""The probe job, beside plain transformers and scikit-learn, and what is said of unfit texts."""

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.preprocessing import StandardScaler
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.errors import UserError
from engine.features.probing import probes, run_probes
from engine.features.probing.pooled_texts import pool_texts
from engine.jobs.kinds import Probe, ProbeResult
from engine.jobs.run import run
from engine.model.load import load_model
from engine.model.site import Site
from engine.progress import SILENT
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import load_sae, save_sae
from engine.workspace.folders import Workspace
from tests.noting import Noting

LAYER = 2


@pytest.fixture(autouse=True)
def few_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(run_probes, "KS", (1, 5))
    monkeypatch.setattr(probes, "PENALTIES", (1.0,))


def sae_in(workspace: Workspace, model: Path, d_in: int, **about: object) -> None:
    """A top-k SAE of random directions, called `sae`."""
    sae = build(SAEConfig(architecture="topk", d_in=d_in, d_sae=96, k=6), seed=1)
    metadata = SAEMetadata(model=str(model), site=f"resid_post.{LAYER}", **about)
    save_sae(sae.requires_grad_(False), workspace.sae("sae"), metadata)


def rows_file(path: Path, rows: list[tuple[str, str]]) -> str:
    lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
    path.write_text("\n".join(lines))
    return str(path)


# Beside a plain computation


@pytest.mark.parametrize("pool", ["mean", "max", "last"])
def test_figures_are_those_of_plain_transformers_and_scikit_learn(
    pool: str, stories_model_path: Path, stories_path: Path, tmp_path: Path
) -> None:
    stories = json.loads(stories_path.read_text())[:60]
    rows = [(story[:150], str("girl" in story[:150])) for story in stories]
    workspace = Workspace.open(tmp_path / "ws")
    sae_in(workspace, stories_model_path, 64, context=32)
    file = rows_file(tmp_path / "rows.jsonl", rows)
    spec = Probe(sae="sae", texts=[file], pool=pool, splits=1, nulls=0, device="cpu", seed=3)
    found = run(msgspec.structs.replace(spec, model_dtype="float32"), workspace, SILENT)
    assert isinstance(found, ProbeResult)

    features, raw = plain_pools([text for text, _ in rows], stories_model_path, workspace, pool)
    labels = np.array([label == "True" for _, label in rows]).astype(int)
    random = np.random.default_rng([3, 0])
    train, test = run_probes.split_texts(labels, 0.2, random)
    y, truth = labels[train], labels[test]

    def check(probe: object, x: np.ndarray) -> None:
        scaler = StandardScaler().fit(x[train])
        fitted = LogisticRegression(class_weight="balanced", max_iter=1000)
        fitted.fit(scaler.transform(x[train]), y)
        unseen = scaler.transform(x[test])
        expected = balanced_accuracy_score(truth, fitted.predict(unseen))
        assert probe.held_out.balanced_accuracy.mean == pytest.approx(expected)
        area = roc_auc_score(truth, fitted.decision_function(unseen))
        assert probe.held_out.auc.mean == pytest.approx(area)

    check(found.raw, raw)
    gaps = abs(features[train][y == 1].mean(0) - features[train][y == 0].mean(0))
    for probe in found.curve:
        order = np.argsort(-gaps, kind="stable")[: probe.k]
        assert set(probe.features) == set(order.tolist())
        check(probe, features[:, order])
    best = found.features[0]
    area = roc_auc_score(truth == (best.tells == "True"), features[test, best.id])
    assert best.held_out.auc.mean == pytest.approx(area)
    assert [each.texts for each in found.labels] == [(labels == 0).sum(), labels.sum()]
    assert (found.site, found.pool, found.left_out) == (f"resid_post.{LAYER}", pool, 0)


def plain_pools(
    texts: list[str], model_path: Path, workspace: Workspace, pool: str
) -> tuple[np.ndarray, np.ndarray]:
    """[texts, d_sae] and [texts, d_in], in windows of 32 tokens that begin with BOS each."""
    tokenizer = AutoTokenizer.from_pretrained(model_path)
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32)
    sae, _ = load_sae(workspace.sae("sae"))
    acts = []
    for text in texts:
        bos, *ids = tokenizer(text)["input_ids"]
        windows = [[bos, *ids[first : first + 31]] for first in range(0, len(ids), 31)]
        with torch.no_grad():
            hidden = [
                model(torch.tensor([window]), output_hidden_states=True).hidden_states[LAYER + 1]
                for window in windows
            ]
        acts.append(torch.cat([each[0, 1:] for each in hidden]))
    median = torch.cat(acts).norm(dim=1).median()
    acts = [x[x.norm(dim=1) <= 10 * median] for x in acts]
    features, raw = [], []
    for x in acts:
        z = torch.relu((x - sae.b_dec) @ sae.W_enc.T + sae.b_enc)
        z = z.where(z >= z.topk(6, dim=1).values[:, -1:], 0)
        features.append({"mean": z.mean(0), "max": z.amax(0), "last": z[-1]}[pool])
        raw.append(x[-1] if pool == "last" else x.mean(0))
    return torch.stack(features).detach().numpy(), torch.stack(raw).numpy()


# What it makes of files


@pytest.fixture
def workspace(tiny_llama_path: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(tiny_llama_path, tmp_path / "model")
    workspace = Workspace.open(tmp_path / "ws")
    sae_in(workspace, tmp_path / "model", 32)
    return workspace


def texts_of(label: str, count: int) -> list[tuple[str, str]]:
    return [(f"{label} {number} runs", label) for number in range(count)]


def probed(workspace: Workspace, *files: str, **changes: object) -> tuple[ProbeResult, list[str]]:
    heard = Noting()
    spec = Probe(sae="sae", texts=[*files], splits=1, nulls=1, device="cpu")
    result = run(msgspec.structs.replace(spec, **changes), workspace, heard)
    assert isinstance(result, ProbeResult)
    return result, heard.notes


def test_rows_that_can_not_be_used_are_left_out_and_named(
    workspace: Workspace, tmp_path: Path
) -> None:
    rows = [*texts_of("cat", 8), *texts_of("dog", 7), ("cat 1 runs", "cat"), ("cat 2 runs", "dog")]
    file = rows_file(tmp_path / "a.jsonl", rows)
    other = tmp_path / "b.csv"
    other.write_text("text,label\none more,\n" + "".join(f"{t},{n}\n" for t, n in texts_of("x", 6)))
    found, notes = probed(workspace, file, str(other))
    assert [(each.label, each.texts) for each in found.labels] == [("cat", 8), ("dog", 7), ("x", 6)]
    assert found.left_out == 3
    assert found.tokens == sum(len(t) for t, _ in {*rows[:15], *texts_of("x", 6)})
    assert any("b.csv, line 2, has no label" in note for note in notes)
    assert any(
        "2 rows repeat a text" in note and "1 texts have two labels" in note for note in notes
    )


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (texts_of("cat", 9), "have one label, 'cat'"),
        ([*texts_of("cat", 9), *texts_of("dog", 4)], "'dog' there are 4 different texts"),
        ([*texts_of("cat", 9), *[("the dog", "dog")] * 9], "'dog' there are 1 different texts"),
        ([(f"text {n}", str(n)) for n in range(101)], "have 101 labels"),
    ],
)
def test_labels_that_can_not_be_told_apart(
    rows: list[tuple[str, str]], complaint: str, workspace: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=complaint):
        probed(workspace, rows_file(tmp_path / "a.jsonl", rows))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"texts": ["/none.csv"]}, "There is no file"),
        ({"texts": []}, "nothing to read"),
        ({"sae": "other"}, "no SAE 'other'"),
        ({"pool": "median"}, "no pool 'median'"),
        ({"splits": 0}, "--splits must be at least 1"),
        ({"nulls": -1}, "--nulls must be at least 0"),
        ({"held_out": 1.0}, "can't be held out"),
        ({"model": "/no/model"}, "--model names where it lies"),
    ],
)
def test_what_is_asked_wrongly_is_told(
    changes: dict[str, object], complaint: str, workspace: Workspace, tmp_path: Path
) -> None:
    file = rows_file(tmp_path / "a.jsonl", [*texts_of("cat", 9), *texts_of("dog", 9)])
    with pytest.raises(UserError, match=complaint):
        probed(workspace, file, **changes)


def test_an_sae_of_another_width_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    shutil.rmtree(workspace.sae("sae"))
    sae_in(workspace, tmp_path / "model", 16)
    file = rows_file(tmp_path / "a.jsonl", [*texts_of("cat", 9), *texts_of("dog", 9)])
    with pytest.raises(UserError, match="width 16"):
        probed(workspace, file)


def test_what_the_files_of_an_sae_ask_for_is_followed(workspace: Workspace, tmp_path: Path) -> None:
    shutil.rmtree(workspace.sae("sae"))
    fields = {"sae_lens": {"prepend_bos": False, "seqpos_slice": [0, 4]}}
    sae_in(workspace, tmp_path / "model", 32, library_fields=fields)
    rows = [*texts_of("cat", 9), *texts_of("dog", 9)]
    found, notes = probed(workspace, rows_file(tmp_path / "a.jsonl", rows))
    assert found.tokens == 4 * len(rows)
    assert any("tokens at positions from 0 to 3" in note for note in notes)


def test_a_text_in_many_windows_is_pooled_whole(tiny_llama_path: Path) -> None:
    lm = load_model(str(tiny_llama_path), dtype="float32", device="cpu")
    sae = build(SAEConfig(architecture="topk", d_in=32, d_sae=50, k=3), seed=2)
    texts = ["a dog ran home over the hill and far away, " * 3, "", "so"]
    pooled = pool_texts(lm, sae, Site("resid_post", 1), texts, pool="mean", context=7)
    assert pooled.tokens.tolist() == [len(text) for text in texts]
    assert pooled.features.shape == (3, 50)
    assert pooled.features.sum(axis=1)[1] == pooled.raw[1].sum() == 0

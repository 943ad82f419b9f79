"""Dashboards against the same figures worked out feature by feature, and against SAEDashboard."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.activations.capture.documents import capture_documents
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.tokens import TokenTable
from engine.features.catalogue.catalogue import Catalogue
from engine.features.dashboards.correlations import Correlations
from engine.features.dashboards.write import write_dashboards
from engine.features.scan.scan import scan
from engine.model.load import LanguageModel, load_model
from engine.model.site import parse_site
from engine.model.text import vocabulary
from engine.progress import SILENT
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from tests.features.dense_codes import codes_of, random_dense

FEATURES, K, TOP_K, RADIUS, BATCH = 24, 4, 6, 5, 10
NEVER_ACTIVE = 7
"""A feature that never is active."""
CLOSE = {"rel": 1e-4, "abs": 1e-6}
"""Files hold five digits."""
PEERS = Path(__file__).parents[2] / "benchmarks" / ".venv-dashboards" / "bin" / "python"


@dataclass
class Material:
    """What was scanned and exported, and all activations [tokens, FEATURES], those of BOS 0."""

    lm: LanguageModel
    sae: SparseAutoencoder
    tokens: TokenTable
    catalogue: Catalogue
    dense: NDArray[np.float64]
    files: list[Path]

    def features(self) -> list[dict[str, Any]]:
        return [found for file in self.files for found in json.loads(file.read_text())["features"]]

    def alive(self) -> list[int]:
        return np.flatnonzero(self.dense.any(0)).tolist()


@pytest.fixture(scope="module")
def material(tiny_llama_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Material:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("dashboards")
    lm = load_model(str(tiny_llama_path), dtype="float32", device="cpu")
    texts = [f"The {i}th of {i * i} cats sat on mat {i % 7}." * (1 + i % 3) for i in range(30)]
    site = parse_site("resid_post.1")
    capture_documents(lm, texts, [site], [folder / "cats"], origin="cats", context=64)
    acts = ActivationSet.open(folder / "cats")
    config = SAEConfig(architecture="topk", d_in=lm.d_model, d_sae=FEATURES, k=K)
    sae = build(config, seed=1).requires_grad_(False)
    x = acts.rows(torch.arange(len(acts)))
    sae.b_dec.copy_(x.mean(0))
    sae.b_enc[NEVER_ACTIVE] = -1e6
    scan(sae, acts, folder / "catalogue", top_k=TOP_K, radius=RADIUS, lm=lm)
    dense = sae.encode(x).double().numpy()
    tokens = TokenTable.open(folder / "cats")
    dense[tokens.token_ids(0, len(tokens)) == acts.manifest.bos_token_id] = 0
    catalogue = Catalogue.open(folder / "catalogue")
    (folder / "out").mkdir()
    found = Material(lm, sae, tokens, catalogue, dense, [])
    found.files = exported(found, folder / "out", found.alive())
    return found


def exported(material: Material, folder: Path, features: list[int]) -> list[Path]:
    return write_dashboards(
        material.catalogue,
        material.tokens,
        material.sae.W_dec,
        material.lm,
        features=features,
        folder=folder,
        sae="mine",
        batch=BATCH,
        progress=SILENT,
    )


def test_files_hold_a_batch_each(material: Material) -> None:
    names = [file.name for file in material.files]
    assert names == [f"batch-{number}.json" for number in range(len(names))]
    batches = [json.loads(file.read_text()) for file in material.files]
    assert [len(batch["features"]) for batch in batches[:-1]] == [BATCH] * (len(batches) - 1)
    assert [f["feature_index"] for f in material.features()] == material.alive()
    for batch in batches:
        assert batch["model_id"] == Path(material.lm.source).name
        assert (batch["layer"], batch["sae_set"]) == (1, "mine")


def test_directions(material: Material) -> None:
    for found in material.features():
        direction = material.sae.W_dec[found["feature_index"]].numpy()
        largest = np.argsort(-direction)[:3]
        assert found["neuron_alignment_indices"] == largest.tolist()
        assert found["neuron_alignment_values"] == pytest.approx(direction[largest], **CLOSE)
        shares = np.abs(direction[largest]) / np.abs(direction).sum()
        assert found["neuron_alignment_l1"] == pytest.approx(shares, **CLOSE)


def test_logits(material: Material) -> None:
    """The tiny model's final norm has weight 1 and doesn't centre: W_U alone is between."""
    W_U = material.lm.model.lm_head.weight.detach().numpy()
    words = vocabulary(material.lm)
    for found in material.features():
        effects = W_U @ material.sae.W_dec[found["feature_index"]].numpy()
        order = np.argsort(effects)
        assert found["neg_values"] == pytest.approx(effects[order[:10]], **CLOSE)
        assert found["pos_values"] == pytest.approx(effects[order[::-1][:10]], **CLOSE)
        assert found["neg_str"] == [words[token] for token in order[:10]]
        assert found["pos_str"] == [words[token] for token in order[::-1][:10]]
        middles, heights = (found[f"logits_hist_data_bar_{of}"] for of in ("values", "heights"))
        assert sum(heights) == len(effects)
        assert_bars(middles, heights, effects)


def test_activations(material: Material) -> None:
    for found in material.features():
        acts = material.dense[:, found["feature_index"]]
        active = acts[acts > 0]
        bos = len(material.dense) - material.catalogue.manifest.tokens
        assert found["frac_nonzero"] == pytest.approx(len(active) / (len(acts) - bos), rel=1e-5)
        middles, heights = (found[f"freq_hist_data_bar_{of}"] for of in ("values", "heights"))
        assert sum(heights) == len(active)
        assert_bars(middles, heights, active)


def assert_bars(middles: list[float], heights: list[int], values: NDArray[Any]) -> None:
    """That each bar counts what lies around its middle; next to an edge, round-off decides."""
    half = (middles[1] - middles[0]) / 2
    for middle, height in zip(middles, heights, strict=True):
        distances = np.abs(values - middle)
        assert (distances < half * 0.99).sum() <= height <= (distances < half * 1.01).sum()


def test_tokens_that_no_figure_counts_are_left_out_of_correlations() -> None:
    dense = random_dense(50, 4, 0.5)
    dense[::5] = 0
    expected = np.corrcoef(np.delete(dense[:, :3], np.s_[::5], axis=0).T)
    found = Correlations(codes_of(dense, [50]), tokens=40).of(0, 3)
    assert {other.feature for other in found} == {1, 2}  # the last is never active
    for other in found:
        assert other.pearson == pytest.approx(expected[0, other.feature], rel=1e-5)


def test_correlations(material: Material) -> None:
    alive = material.alive()
    with np.errstate(invalid="ignore"):
        pearson = np.corrcoef(material.dense.T)
    together = material.dense.T @ material.dense
    norms = np.linalg.norm(material.dense, axis=0)
    for found in material.features():
        feature = found["feature_index"]
        others = [f for f in alive if f != feature and together[feature, f] > 0]
        expected = sorted((pearson[feature, f] for f in others), reverse=True)[:3]
        assert found["correlated_features_pearson"] == pytest.approx(expected, **CLOSE)
        indices = found["correlated_features_indices"]
        assert pearson[feature, indices] == pytest.approx(expected, **CLOSE)
        cosines = together[feature, indices] / (norms[feature] * norms[indices])
        assert found["correlated_features_l1"] == pytest.approx(cosines, **CLOSE)
        assert found["correlated_neurons_indices"] == []


def test_occurrences(material: Material) -> None:
    for found in material.features():
        acts = material.dense[:, found["feature_index"]]
        groups: dict[tuple[float, float, float], list[dict[str, Any]]] = {}
        for each in found["activations"]:
            key = (each["bin_min"], each["bin_max"], each["bin_contains"])
            groups.setdefault(key, []).append(each)
            assert_is_in_the_corpus(each, acts, material.tokens)
        (low, high, contains), *intervals = groups
        assert (low, contains) == (-1, -1)
        assert high == pytest.approx(acts.max(), **CLOSE)
        top = [
            each["values"][each["qualifying_token_index"]] for each in groups[low, high, contains]
        ]
        assert top == sorted(top, reverse=True)
        assert top[0] == pytest.approx(acts.max(), **CLOSE)
        assert len(top) <= TOP_K
        assert [key[0] for key in intervals] == sorted((key[0] for key in intervals), reverse=True)
        for low, high, contains in intervals:
            number = round(5 * low / acts.max())
            assert [low, high] == pytest.approx(
                [acts.max() * n / 5 for n in (number, number + 1)], **CLOSE
            )
            fifths = np.minimum(np.floor(5 * acts[acts > 0] / acts.max()), 4)
            share = (fifths == number).sum()
            assert contains == pytest.approx(share / material.catalogue.manifest.tokens, **CLOSE)
            assert len(groups[low, high, contains]) <= 5
            for each in groups[low, high, contains]:
                value = each["values"][each["qualifying_token_index"]]
                assert low * (1 - 1e-4) <= value <= high * (1 + 1e-4)


def assert_is_in_the_corpus(
    occurrence: dict[str, Any], acts: NDArray[np.float64], tokens: TokenTable
) -> None:
    """That some place of the corpus has just these tokens and activations."""
    length = len(occurrence["tokens"])
    assert 0 < length <= 2 * RADIUS + 1
    peak = occurrence["values"][occurrence["qualifying_token_index"]]
    places = (
        np.flatnonzero(np.isclose(acts, peak, rtol=1e-4)) - occurrence["qualifying_token_index"]
    )
    ids = tokens.token_ids(0, len(tokens))
    assert any(
        [tokens.text(int(id)) for id in ids[first : first + length]] == occurrence["tokens"]
        and np.allclose(acts[first : first + length], occurrence["values"], rtol=1e-3, atol=1e-6)
        for first in places.tolist()
        if first >= 0
    )


def test_a_feature_that_never_was_active(material: Material, tmp_path: Path) -> None:
    assert NEVER_ACTIVE not in material.alive()
    (file,) = exported(material, tmp_path, [NEVER_ACTIVE])
    (found,) = json.loads(file.read_text())["features"]
    assert found["frac_nonzero"] == 0
    assert found["activations"] == found["freq_hist_data_bar_heights"] == []
    assert len(found["pos_str"]) == 10


READ = """
import json, sys
from sae_dashboard.neuronpedia.neuronpedia_dashboard import NeuronpediaDashboardBatch
for path in sys.argv[1:]:
    content = json.load(open(path))
    assert NeuronpediaDashboardBatch(**content).to_dict() == content, path
"""


@pytest.mark.skipif(not PEERS.exists(), reason="SAEDashboard is not installed beside us")
def test_sae_dashboard_reads_every_field_and_would_write_the_same(material: Material) -> None:
    command = [str(PEERS), "-c", READ, *map(str, material.files)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr

"""Whether what is shown of features is true: random ones are worked out again, by brute force.

    python -m benchmarks.scan_truth --model demo --tokens 1000000
    python -m benchmarks.scan_truth --model MODEL --text STORIES --tokens 1000000

A corpus is captured, an SAE is trained on it for a moment and scanned, all as the jobs of the
program do it. Then every token is encoded densely, and each number that a front end is told of
twenty random features is computed from that matrix in the plainest way. All must be equal: counts
and places exactly, sums to the last bits of float32. A wide SAE's acts are summed in another order
by a scan than by a dense product: they must be the same to round-off, and then those of the scan
stand in the matrix.
"""

import argparse
import itertools
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.tokens import TokenTable
from engine.features.catalogue.catalogue import Catalogue, Example
from engine.features.examples.deciles import DECILES, decile_examples
from engine.features.scan.blocks import blocks
from engine.features.search.coactive import coactive
from engine.jobs.kinds import Capture, Scan, Train
from engine.jobs.run import run
from engine.progress import SILENT
from engine.sae.blocks import rows_per_block
from engine.sae.formats.store import load_sae
from engine.sae.kernels.support import vectors_of
from engine.service.handlers.feature_detail import feature_detail
from engine.workspace.folders import Workspace

Floats = NDArray[np.float32]

ROUND_OFF = 1e-4
"""Of an act by one way and by the other."""
SWAPPED = 1e-5
"""Share of the acts that may be active by one way alone: of two that are as large, another one."""
LAST_BITS = 1e-6
"""Relative: figures are kept as float32, and may be summed in another order here."""


class Truth:
    """The activations of some features on every token, and how often others join them."""

    @torch.no_grad()
    def __init__(self, workspace: Workspace, sae: str, features: list[int]) -> None:
        self.catalogue = Catalogue.open(workspace.catalogue(sae))
        name = self.catalogue.manifest.activations
        self.tokens = TokenTable.open(workspace.activations(name))
        acts = ActivationSet.open(workspace.activations(name))
        autoencoder, _ = load_sae(workspace.sae(sae), torch.device("cpu"))
        codes = self.catalogue.codes
        assert codes is not None
        self.sampled = np.zeros(len(acts), np.bool_)
        """[tokens]: whether the codes have the token."""
        starts = acts.document_bounds.numpy()[codes.documents] + codes.firsts
        for start, length in zip(starts, np.diff(codes.bounds), strict=True):
            self.sampled[start : start + length] = True
        width = autoencoder.config.d_sae
        self.together = np.zeros((len(features), width))
        self.alone = np.zeros(width)
        parts, counted = [], []
        find = autoencoder.finder()
        for stretch in blocks(acts, acts.measure_rows().taken(), rows_per_block(width)):
            dense = torch.zeros(len(stretch), width)
            x = stretch.acts[stretch.counted]
            encoded = autoencoder.encode(x)
            encoded = encoded.where(encoded > autoencoder.active_threshold, 0)
            support, found = find(x)
            places = vectors_of(support), support.features.long()
            of_scan = torch.zeros_like(encoded).index_put_(places, found)
            swapped = int((~of_scan.isclose(encoded, ROUND_OFF, ROUND_OFF)).sum())
            assert swapped <= SWAPPED * len(found) + 2
            dense[stretch.counted] = of_scan
            parts.append(dense[:, features].numpy())
            counted.append(stretch.counted.numpy())
            active = (dense > 0).float().numpy()[self.sampled[stretch.start :][: len(dense)]]
            self.together += active[:, features].T @ active
            self.alone += active.sum(0)
        self.columns: dict[int, Floats] = dict(zip(features, np.concatenate(parts).T, strict=True))
        self.counted = np.concatenate(counted)
        self.bounds = acts.document_bounds.numpy()
        self.document_of = np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))
        self.order = {feature: number for number, feature in enumerate(features)}

    def place(self, row: int) -> tuple[int, int]:
        """Document and position."""
        document = int(self.document_of[row])
        return document, row - int(self.bounds[document])

    def value_at(self, feature: int, example: Example) -> float:
        """Its activation at a place."""
        return float(self.columns[feature][self.bounds[example.document] + example.position])


def check(workspace: Workspace, sae: str, features: list[int]) -> int:
    """Compare; how many numbers were. Raises AssertionError at the first that is wrong."""
    truth = Truth(workspace, sae, features)
    return sum(
        part(truth, workspace, feature)
        for feature in features
        for part in (_figures, _strongest, _sampled, _company)
    )


def _figures(truth: Truth, workspace: Workspace, feature: int) -> int:
    shown = feature_detail(workspace, truth.catalogue, {}, feature, most=0)
    acts = truth.columns[feature].astype(np.float64)
    active = acts[acts > 0]
    assert shown.count == len(active)
    assert shown.documents == len(np.unique(truth.document_of[acts > 0]))
    assert shown.max == active.max(initial=0)
    tokens = truth.counted.sum()
    np.testing.assert_allclose(
        [shown.mean, shown.std, shown.density],
        [active.mean(), active.std(), len(active) / tokens],
        rtol=LAST_BITS,
        atol=LAST_BITS * shown.mean,
    )
    assert shown.histogram is not None
    counts, _ = np.histogram(active, shown.histogram.edges)
    assert shown.histogram.counts == counts.tolist()
    return 6 + len(counts)


def _strongest(truth: Truth, workspace: Workspace, feature: int) -> int:
    manifest = truth.catalogue.manifest
    shown = feature_detail(workspace, truth.catalogue, {}, feature, most=manifest.top_k).snippets
    acts = truth.columns[feature]
    peaks = np.maximum.reduceat(acts, truth.bounds[:-1])
    documents = np.lexsort((np.arange(len(peaks)), -peaks))[: manifest.top_k]
    documents = documents[peaks[documents] > 0]
    assert [snippet.document for snippet in shown] == documents.tolist()
    numbers = 0
    for snippet in shown:
        begin, end = truth.bounds[snippet.document : snippet.document + 2]
        assert snippet.position == acts[begin:end].argmax()
        first = begin + snippet.position - snippet.peak
        window = acts[first : first + len(snippet.tokens)]
        assert snippet.activations == window.tolist()
        ids = truth.tokens.token_ids(first, first + len(window)).tolist()
        assert snippet.tokens == [truth.tokens.text(id) for id in ids]
        numbers += 2 + len(window)
    return numbers


def _sampled(truth: Truth, _: Workspace, feature: int) -> int:
    active = int((truth.columns[feature] > 0).sum())
    bands = [decile_examples(truth.catalogue, feature, number) for number in range(DECILES)]
    sample = [example for each in bands for example in each]
    assert len(sample) == len({example[:2] for example in sample}) == min(40, active)
    for example in sample:
        assert example.value == truth.value_at(feature, example)
    for weaker, stronger in itertools.pairwise(bands):
        highest = max((example.value for example in weaker), default=0)
        assert highest <= min((example.value for example in stronger), default=np.inf)
    return 3 * len(sample)


def _company(truth: Truth, _: Workspace, feature: int) -> int:
    codes = truth.catalogue.codes
    assert codes is not None
    rows, values = codes.active(feature)
    here = truth.columns[feature][truth.sampled]
    assert rows.tolist() == np.flatnonzero(here).tolist()
    assert values.tolist() == here[here > 0].tolist()
    shown = coactive(codes, feature, most=10)
    if shown.tokens < len(rows):
        return 2 * len(rows)  # an estimate: too much is active beside it to be counted
    together = truth.together[truth.order[feature]].copy()
    together[feature] = 0
    likeness = together / (truth.alone[feature] + truth.alone - together).clip(1)
    order = np.argsort(-likeness, kind="stable")[: len(shown.relatives)]
    np.testing.assert_allclose(
        [relative.likeness for relative in shown.relatives], likeness[order], rtol=LAST_BITS
    )
    for relative in shown.relatives:
        both = together[relative.id]
        np.testing.assert_allclose(
            [relative.likeness, relative.given_this, relative.given_other],
            [likeness[relative.id], both / truth.alone[feature], both / truth.alone[relative.id]],
            rtol=LAST_BITS,
        )
    return 2 * len(rows) + 4 * len(shown.relatives)


def alive(workspace: Workspace, sae: str, count: int, seed: int) -> list[int]:
    """Random features that are active somewhere."""
    catalogue = Catalogue.open(workspace.catalogue(sae))
    ids = np.flatnonzero(catalogue.columns["count"]).tolist()
    return random.Random(seed).sample(ids, min(count, len(ids)))


def make(workspace: Workspace, capture: Capture, train: Train) -> dict[str, float]:
    """Capture, train and scan; the seconds that each took."""
    seconds = {}
    for spec in (capture, train, Scan(sae=train.name, device="cpu")):
        began = time.perf_counter()
        run(spec, workspace, SILENT)
        seconds[type(spec).__name__.lower()] = time.perf_counter() - began
    return seconds


def main() -> None:
    """Make it, check it, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="demo")
    parser.add_argument("--site", default="resid_post.3")
    parser.add_argument("--text", type=Path, nargs="*", default=[])
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--k", type=int, default=16)
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    capture = Capture(
        name="corpus",
        model=options.model if options.model == "demo" else str(Path(options.model).absolute()),
        sites=[options.site],
        texts=[str(path.absolute()) for path in options.text],
        demo_documents=0 if options.text else options.tokens,
        max_tokens=options.tokens,
        device="cpu",
    )
    train = Train(
        name="sae",
        activations="corpus",
        arch="topk",
        width=options.width,
        k=options.k,
        tokens=200_000,
        device="cpu",
    )
    with tempfile.TemporaryDirectory() as name:
        workspace = Workspace.open(Path(name))
        seconds = make(workspace, capture, train)
        features = alive(workspace, "sae", options.features, options.seed)
        numbers = check(workspace, "sae", features)
        tokens = Catalogue.open(workspace.catalogue("sae")).manifest.total_tokens
    sys.stdout.write(
        f"{numbers:,} numbers of {len(features)} random features over {tokens:,} tokens of "
        f"{options.model} are what they should be.\n"
        f"capture {seconds['capture']:.0f} s, training {seconds['train']:.0f} s, "
        f"scan {seconds['scan']:.1f} s\n"
    )


if __name__ == "__main__":
    main()

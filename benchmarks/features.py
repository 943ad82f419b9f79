"""How quickly the engine answers about a million features: open, sort, filter, look at one.

    python -m benchmarks.features [features]

A catalogue of that many features is made up, with examples on real rows of an activation set and
labels on some; then a front end asks a real engine about it, over its socket. Times run from the
request to the reply as the front end has it; the first of each kind, on a daemon that has just
started, is told beside the median of the others.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from benchmarks.training import report
from benchmarks.training.table import markdown
from engine.activations.store.manifest import Manifest as Activations
from engine.activations.store.writer import ActivationWriter
from engine.features.catalogue.bins import BINS
from engine.features.catalogue.catalogue import (
    CatalogueManifest,
    write_catalogue_manifest,
)
from engine.features.catalogue.rank import order
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import save_sae
from engine.service import protocol as p
from engine.service.client import Client, connect
from engine.workspace.folders import Workspace

TARGETS = {"open": 500, "sort": 250, "filter": 100, "page": 30}  # ms
DOCUMENTS, TOKENS = 4_000, 64
"""In the set, and in each of them."""
TOP_K, RADIUS, SAMPLE, PROMOTED = 20, 16, 40, 10
"""As a scan keeps by default."""
ACTIVE = 16
"""Features of a token, in the codes."""
LABELS = 10_000
ROUNDS = 7
BLOCK = 50_000
"""Features whose examples are made up at once, and repeated."""


def make(workspace: Workspace, features: int) -> None:
    """An SAE of that name that nobody needs to load, what was scanned, and the catalogue."""
    rng = np.random.default_rng(0)
    words = [f" word{number}" for number in range(2_000)]
    about = Activations(
        model="none", site="resid_post.0", d_model=2, dtype="float32", context=TOKENS
    )
    with ActivationWriter(workspace.activations("acts"), about, words) as writer:
        for _ in range(DOCUMENTS):
            ids = torch.from_numpy(rng.integers(len(words), size=TOKENS))
            writer.add(torch.zeros(TOKENS, 2), ids, text="".join(words[i] for i in ids.tolist()))
    config = SAEConfig(architecture="relu", d_in=2, d_sae=features)
    save_sae(build(config), workspace.sae("sae"), SAEMetadata(activations="acts"))
    folder = workspace.catalogue("sae")
    for name in ("columns", "examples", "sample", "codes", "tokens"):
        (folder / name).mkdir(parents=True)
    _write_columns(folder, features, rng)
    _write_places(folder / "examples", features, TOP_K, rng)
    _write_places(folder / "sample", features, SAMPLE, rng)
    window = rng.random((BLOCK, TOP_K, 2 * RADIUS + 1), np.float32)
    _write(folder / "examples" / "window.npy", window, features)
    _write_codes(folder / "codes", features, rng)
    for name in ("promoted", "suppressed"):
        tokens = rng.integers(len(words), size=(BLOCK, PROMOTED), dtype=np.int32)
        _write(folder / "tokens" / f"{name}.npy", tokens, features)
    (folder / "tokens" / "vocabulary.json").write_bytes(msgspec.json.encode(words))
    manifest = CatalogueManifest(
        activations="acts",
        model="none",
        site="resid_post.0",
        features=features,
        alive=features,
        tokens=DOCUMENTS * TOKENS,
        total_tokens=DOCUMENTS * TOKENS,
        documents=DOCUMENTS,
        active_threshold=0.0,
        top_k=TOP_K,
        radius=RADIUS,
        categories=[],
        complete=True,
    )
    write_catalogue_manifest(folder, manifest)


def _write_columns(folder: Path, features: int, rng: np.random.Generator) -> None:
    count = (rng.random(features) ** 4 * DOCUMENTS * TOKENS).astype(np.int64) + 1
    columns: dict[str, Any] = {
        "max": rng.gamma(2.0, 2.0, features).astype(np.float32),
        "mean": rng.gamma(2.0, 0.7, features).astype(np.float32),
        "std": rng.gamma(2.0, 0.2, features).astype(np.float32),
        "density": (count / (DOCUMENTS * TOKENS)).astype(np.float32),
        "count": count,
        "documents": np.minimum(count, DOCUMENTS).astype(np.int32),
    }
    for name, column in columns.items():
        np.save(folder / "columns" / f"{name}.npy", column)
    counts = rng.integers(1_000, size=(BLOCK, BINS), dtype=np.int32)
    _write(folder / "histogram.npy", counts, features)


def _write_places(folder: Path, features: int, most: int, rng: np.random.Generator) -> None:
    shape = (min(BLOCK, features), most)
    documents = rng.integers(DOCUMENTS, size=shape, dtype=np.int32)
    _write(folder / "document.npy", documents, features)
    _write(folder / "position.npy", rng.integers(TOKENS, size=shape, dtype=np.int32), features)
    _write(folder / "value.npy", rng.gamma(2.0, 2.0, shape).astype(np.float32), features)


def _write(path: Path, block: Any, features: int) -> None:
    """An array of so many rows, which are those of `block` again and again."""
    file = np.lib.format.open_memmap(path, "w+", block.dtype, (features, *block.shape[1:]))
    for first in range(0, features, len(block)):
        file[first : first + len(block)] = block[: features - first]
    file.flush()


def _write_codes(folder: Path, features: int, rng: np.random.Generator) -> None:
    rows = DOCUMENTS * TOKENS
    step = features // ACTIVE  # one feature in each of as many stretches: ascending, none twice
    active = rng.integers(step, size=(rows, ACTIVE)) + step * np.arange(ACTIVE)
    flat = active.reshape(-1).astype(np.int32)
    entries = np.argsort(flat, kind="stable").astype(np.int32)
    arrays: dict[str, Any] = {
        "documents": np.arange(DOCUMENTS, dtype=np.int32),
        "bounds": np.arange(DOCUMENTS + 1) * TOKENS,
        "offsets": np.arange(rows + 1) * ACTIVE,
        "features": flat,
        "values": rng.random(len(flat), np.float32),
        "starts": np.searchsorted(flat[entries], np.arange(features + 1)),
        "rows": entries // ACTIVE,
        "entries": entries,
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


class Front:
    """A front end that has the table, and counts the milliseconds until it has more."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.times: dict[str, list[float]] = {}
        self.columns: dict[str, Any] = {}

    async def ask(self, what: str, request: p.Request[Any], use: Callable[[Any], object]) -> None:
        """Ask, and make of the reply what is shown."""
        began = time.perf_counter()
        use(await self._client.ask(request))
        self.times.setdefault(what, []).append(1000 * (time.perf_counter() - began))

    def sort(self, what: str, by: str) -> None:
        """As the features pane does, from the columns that it has."""
        began = time.perf_counter()
        order(self.columns, by)
        self.times.setdefault(what, []).append(1000 * (time.perf_counter() - began))

    def open(self, table: p.FeatureTable) -> None:
        """Arrays from a reply."""
        self.columns = {
            name: np.frombuffer(data, table.dtypes[name]) for name, data in table.columns.items()
        }


async def measure(root: Path, features: int) -> dict[str, list[float]]:
    """Everything, in milliseconds."""
    rng = np.random.default_rng(1)
    async with await connect(root) as client:
        labelled = rng.choice(features, min(LABELS, features), replace=False).tolist()
        notes = [(feature, p.Note(label=f"label of {feature}")) for feature in labelled]
        await client.ask(p.MergeNotes(sae="sae", notes=notes))
        front = Front(client)
        numeric = p.MatchFeatures(sae="sae", filter="max > 5 and density < 0.01")
        by_label = p.MatchFeatures(sae="sae", filter="label ~ 99$ or max > 20")
        in_texts = p.MatchFeatures(sae="sae", filter='snippet ~ "word17 word1"')
        for _ in range(ROUNDS):
            await front.ask("open", p.GetFeatureTable(sae="sae"), front.open)
            front.sort("sort", "density")
            front.sort("sort by two columns (activity)", "activity")
            await front.ask("filter", numeric, _mask)
            await front.ask("filter by labels", by_label, _mask)
            for feature in rng.integers(features, size=10).tolist():
                await front.ask("page", p.GetFeature(sae="sae", feature=feature), _check_page)
        for _ in range(2):
            await front.ask("filter by snippets", in_texts, _mask)
        await client.ask(p.Stop())
    return front.times


def _mask(matches: p.Matches) -> object:
    return np.unpackbits(np.frombuffer(matches.mask, np.uint8), bitorder="little")


def _check_page(detail: p.FeatureDetail) -> None:
    if len(detail.snippets) != TOP_K:
        raise RuntimeError(f"feature {detail.id} has {len(detail.snippets)} snippets")


def page(times: dict[str, list[float]], features: int) -> str:
    """The table that is published."""
    rows = [
        [
            what,
            f"{taken[0]:,.0f}",
            f"{statistics.median(taken[1:]):,.1f}",
            f"{max(taken[1:]):,.1f}",
            str(TARGETS.get(what, "")),
        ]
        for what, taken in times.items()
    ]
    return "\n".join(
        [
            f"# {features:,} features, as the engine answers",
            "",
            f"`python -m benchmarks.features {features}`",
            "",
            "Milliseconds, from the request to what a front end has of the reply; "
            f"{ROUNDS} times each, a page ten times as often. A page is one feature with {TOP_K} "
            f"snippets; {min(LABELS, features):,} features have labels.",
            "",
            markdown(["", "first", "median", "worst", "aim"], rows),
            "",
            f"{report.machine(os.cpu_count() or 1)}.",
            "",
        ]
    )


def main(features: int) -> None:
    """Make it, measure, and write the page."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["BRAINSURG_RUNTIME_DIR"] = folder
        root = Path(folder, "ws")
        make(Workspace.open(root), features)
        times = asyncio.run(measure(root, features))
    text = page(times, features)
    report.write(report.RESULTS, "features", text, {"features": features, "milliseconds": times})
    print(text)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)

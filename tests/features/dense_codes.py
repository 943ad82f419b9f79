"""Codes and catalogues of dense matrices of activations, written down by brute force."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.features.catalogue.catalogue import (
    Catalogue,
    CatalogueManifest,
    write_catalogue_manifest,
)
from engine.features.catalogue.codes import Codes

Dense = NDArray[np.float32]


def random_dense(rows: int, features: int, share: float, seed: int = 0) -> Dense:
    """Activations [rows, features], a share of them active; the last feature never is."""
    generator = np.random.default_rng(seed)
    active = generator.random((rows, features)) < share
    active[:, -1] = False
    return (active * generator.uniform(0.1, 9, (rows, features))).astype(np.float32)


def codes_of(dense: Dense, lengths: Sequence[int], documents: Sequence[int] | None = None) -> Codes:
    """Codes of some documents (None: all) of a set with the activations dense [rows, features].

    `lengths` are the tokens of all documents of the set.
    """
    ends = np.cumsum([0, *lengths])
    chosen = np.arange(len(lengths)) if documents is None else np.array(documents, dtype=int)
    chosen = chosen[np.array(lengths)[chosen] > 0]
    kept = np.concatenate(
        [np.empty((0, dense.shape[1]), np.float32), *(dense[ends[d] : ends[d + 1]] for d in chosen)]
    )
    rows, features = kept.nonzero()
    entry_of = {
        place: entry
        for entry, place in enumerate(zip(rows.tolist(), features.tolist(), strict=True))
    }
    by_feature, rows_of_feature = kept.T.nonzero()
    return Codes(
        documents=chosen.astype(np.int32),
        firsts=np.zeros(len(chosen), np.int32),
        bounds=np.cumsum([0, *(lengths[d] for d in chosen)]),
        offsets=np.cumsum([0, *(kept > 0).sum(1)]),
        features=features.astype(np.int32),
        values=kept[rows, features],
        starts=np.cumsum([0, *(kept > 0).sum(0)]),
        rows=rows_of_feature.astype(np.int32),
        entries=np.array(
            [
                entry_of[row, f]
                for f, row in zip(by_feature.tolist(), rows_of_feature.tolist(), strict=True)
            ],
            np.int32,
        ),
    )


def catalogue_of(
    folder: Path,
    dense: Dense,
    lengths: Sequence[int],
    *,
    top_k: int = 4,
    radius: int = 2,
    codes: Codes | None = None,
    sampled: int = 40,
) -> Catalogue:
    """A catalogue with examples, and with the last active tokens of each feature as its sample."""
    (folder / "examples").mkdir(parents=True)
    (folder / "sample").mkdir()
    (folder / "columns").mkdir()
    np.save(folder / "columns" / "count.npy", (dense > 0).sum(0).astype(np.int32))
    np.save(folder / "columns" / "max.npy", dense.max(0).astype(np.float32))
    np.save(folder / "columns" / "density.npy", (dense > 0).mean(0).astype(np.float32))
    document = np.repeat(np.arange(len(lengths)), lengths)
    position = np.concatenate([np.arange(length) for length in lengths])
    features = dense.shape[1]
    examples = {name: np.full((features, top_k), -1, np.int32) for name in ("document", "position")}
    sample = {name: np.full((features, sampled), -1, np.int32) for name in ("document", "position")}
    top_values = np.zeros((features, top_k), np.float32)
    sample_values = np.zeros((features, sampled), np.float32)
    windows = np.zeros((features, top_k, 2 * radius + 1), np.float32)
    for f in range(features):
        peaks = [
            max(np.flatnonzero(document == d), key=lambda row: dense[row, f])
            for d in range(len(lengths))
            if (dense[document == d, f] > 0).any()
        ]
        for slot, row in enumerate(sorted(peaks, key=lambda row: -dense[row, f])[:top_k]):
            examples["document"][f, slot] = document[row]
            examples["position"][f, slot] = position[row]
            top_values[f, slot] = dense[row, f]
            for step in range(-radius, radius + 1):
                if 0 <= row + step < len(dense) and document[row + step] == document[row]:
                    windows[f, slot, step + radius] = dense[row + step, f]
        for slot, row in enumerate(np.flatnonzero(dense[:, f])[-sampled:]):
            sample["document"][f, slot] = document[row]
            sample["position"][f, slot] = position[row]
            sample_values[f, slot] = dense[row, f]
    for name, arrays, values in (
        ("examples", examples, top_values),
        ("sample", sample, sample_values),
    ):
        for part, array in (*arrays.items(), ("value", values)):
            np.save(folder / name / f"{part}.npy", array)
    np.save(folder / "examples" / "window.npy", windows)
    if codes is not None:
        (folder / "codes").mkdir()
        for part, array in vars(codes).items():
            np.save(folder / "codes" / f"{part}.npy", array)
    manifest = CatalogueManifest(
        activations="set",
        model="m",
        site="resid_post.0",
        features=features,
        alive=int((dense > 0).any(0).sum()),
        tokens=len(dense),
        total_tokens=len(dense),
        documents=len(lengths),
        active_threshold=0.0,
        top_k=top_k,
        radius=radius,
        categories=[],
        complete=codes is not None,
    )
    write_catalogue_manifest(folder, manifest)
    return Catalogue.open(folder)

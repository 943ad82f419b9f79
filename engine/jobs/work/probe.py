"""A probe job: labels of texts told from features, and from what these are to be compared with."""

import time
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np

from engine.activations.labelled_texts import LabelledText, read_labelled_texts
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.probing.pooled_texts import pool_texts
from engine.features.probing.run_probes import LEAST_TEXTS, PooledTexts, run_probes
from engine.features.sink_rule import known_sink_rule
from engine.jobs.kinds import Probe, ProbeResult
from engine.jobs.work.model_of_sae import load_model_of_sae
from engine.model.device import choose_device
from engine.progress import Progress
from engine.sae.formats.input_rule import input_rule
from engine.sae.formats.store import load_sae
from engine.workspace.folders import Workspace

_MOST_LABELS = 100
_NOTED = 5
"""Rows that can't be read, of which each gets a note."""


def probe_sae(spec: Probe, workspace: Workspace, progress: Progress) -> ProbeResult:
    """Read labelled texts, and tell their labels from an SAE's features.

    Raises UserError for rows that can't be read, where they are many, for fewer than two labels, or
    fewer than five texts of one, and where the SAE's model can't be had.
    """
    began = time.monotonic()
    rows, unreadable = _read(spec, progress)
    texts = _each_once(rows, progress)
    _check_labels(texts, spec)
    sae, metadata = load_sae(workspace.existing_sae(spec.sae), choose_device(spec.device))
    lm, site = load_model_of_sae(
        spec, spec.sae, metadata, workspace, model=spec.model, progress=progress
    )
    folder = workspace.catalogue(spec.sae)
    pooled = pool_texts(
        lm,
        sae,
        site,
        [row.text for row in texts],
        pool=spec.pool_name,
        context=metadata.context and min(metadata.context, lm.context),
        sink_rule=known_sink_rule(metadata, Catalogue.open(folder) if folder.exists() else None),
        given=input_rule(metadata),
        progress=progress,
    )
    kept = np.flatnonzero(pooled.tokens)
    if len(kept) < len(texts):
        progress.note(
            f"{len(texts) - len(kept):,} texts hold no token beside BOS and sinks, and are left"
            " out."
        )
        texts = [texts[place] for place in kept]
        _check_labels(texts, spec)
    names = sorted({row.label for row in texts})
    found = run_probes(
        PooledTexts(
            features=pooled.features[kept],
            raw=pooled.raw[kept],
            labels=np.array([names.index(row.label) for row in texts]),
            names=names,
        ),
        splits=spec.splits,
        held_out=spec.held_out,
        nulls=spec.nulls,
        most=spec.top,
        seed=spec.seed,
        progress=progress,
    )
    return ProbeResult(
        **msgspec.structs.asdict(found),
        sae=spec.sae,
        texts=spec.texts,
        model=lm.source,
        model_dtype=lm.dtype_name,
        site=str(site),
        pool=spec.pool,
        splits=spec.splits,
        nulls=spec.nulls,
        tokens=int(pooled.tokens.sum()),
        left_out=unreadable + len(rows) - len(texts),
        seconds=time.monotonic() - began,
    )


def _read(spec: Probe, progress: Progress) -> tuple[list[LabelledText], int]:
    """The rows, and how many can't be read."""
    missed = 0

    def leave_out(error: UserError) -> None:
        nonlocal missed
        missed += 1
        if missed <= _NOTED:
            progress.note(f"Left out: {error}")

    progress("read the texts", 0)
    rows = read_labelled_texts(
        [Path(path) for path in spec.texts],
        text_key=spec.text_key,
        label_key=spec.label_key,
        left_out=leave_out,
    )
    if missed > _NOTED:
        progress.note(f"{missed:,} rows in all can't be read, and are left out.")
    return rows, missed


def _each_once(rows: list[LabelledText], progress: Progress) -> list[LabelledText]:
    """The rows without those that repeat a text: it would be fitted on, and held out, too."""
    labels: dict[str, str] = {}
    contradicted = set()
    for row in rows:
        if labels.setdefault(row.text, row.label) != row.label:
            contradicted.add(row.text)
    if repeated := len(rows) - len(labels):
        progress.note(
            f"{repeated:,} rows repeat a text that came before, and are left out"
            + (f"; {len(contradicted):,} texts have two labels." if contradicted else ".")
        )
    return [LabelledText(text, label) for text, label in labels.items()]


def _check_labels(texts: list[LabelledText], spec: Probe) -> None:
    counts = Counter(row.label for row in texts)
    if not 2 <= len(counts) <= _MOST_LABELS:
        of = f"one label, {next(iter(counts))!r}" if len(counts) == 1 else f"{len(counts):,} labels"
        raise UserError(
            f"The texts have {of}: between 2 and {_MOST_LABELS} can be told apart.",
            f"Labels are read from {spec.label_key}; --label-key names another column.",
        )
    label, texts_of_it = counts.most_common()[-1]
    if texts_of_it < LEAST_TEXTS:
        raise UserError(
            f"Of the label {label!r} there are {texts_of_it} different texts.",
            f"Give {LEAST_TEXTS} at least of each label, or leave it out.",
        )

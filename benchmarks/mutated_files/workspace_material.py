"""Good files of every kind that a workspace holds, and what reads each: the daemon's own handlers
and the readers that jobs use. See `benchmarks.mutated_files.material`.
"""

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import msgspec
import numpy as np
import torch

from benchmarks.mutated_files.material import Kind, sae
from brainsurg_tui.settings import (
    Memory,
    Sorting,
    WorkspaceMemory,
    read_memory,
    read_settings,
    write_memory,
)
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import Manifest, read_documents_table
from engine.activations.store.writer import ActivationWriter
from engine.errors import UserError
from engine.features.columns import order_names
from engine.features.scan.document_categories import read_categories
from engine.features.scan.scan import scan
from engine.jobs.store import JobStore
from engine.model.prompt import Prompt
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import load_sae, save_sae
from engine.sae.training import checkpoint
from engine.sae.training.checkpointer import Checkpointer, load_newest_checkpoint
from engine.service import protocol as p
from engine.service.handlers import contents, exploring, features
from engine.service.handlers.context import ThreadContext
from engine.service.holder import hold, read_holder
from engine.service.protocol.frames import Answer, decode_reply, encode_body
from engine.shortages import shortage_of
from engine.workspace.database import database_error, open_database
from engine.workspace.folders import Workspace
from engine.workspace.notes import NoteStore
from engine.workspace.prompts import PromptStore

D = 6
FEATURES = 20
WORDS = 11
SETTINGS: dict[str, Any] = {"top_k": 3, "radius": 3}
SOME = range(0, FEATURES, 4)
LENGTHS = (7, 1, 20, 3, 40, 5)


# What a workspace holds ---------------------------------------------------------------------------


def write_workspace(folder: Path, *, scanned: bool = True) -> None:
    """Two activation sets, two autoencoders and a catalogue (or a scan that isn't done)."""
    workspace = Workspace.open(folder)
    for name in ("acts", "whole"):
        _write_set(workspace.activations(name))
    about = SAEMetadata(model="m", site="resid_post.1", activations="acts", metrics={"fvu": 0.5})
    topk = sae("topk", k=4)[0]
    save_sae(topk, workspace.sae("sae"), about)
    save_sae(sae("seed-basic")[0], workspace.sae("ours"), about)
    save_sae(topk, workspace.sae("whole"), about)
    acts = ActivationSet.open(workspace.activations("acts"))
    path = workspace.catalogue("sae")
    with (
        patch("engine.features.scan.scan.rows_per_block", lambda _: 16),
        patch("engine.features.scan.scan.shutil.rmtree"),
        patch("engine.features.scan.unfinished.FIRST", 0.0),
        patch("engine.features.scan.unfinished.SHARE", 1e9),
        patch("engine.features.scan.unfinished.MOST", 0.0),
    ):
        scan(
            topk,
            acts,
            path,
            **SETTINGS,
            unfinished=None if scanned else workspace.scan("sae"),
        )
    if scanned:
        tokens = path / "tokens"
        tokens.mkdir()
        for which in ("promoted", "suppressed"):
            np.save(
                tokens / f"{which}.npy", np.arange(FEATURES * 2, dtype="<i4").reshape(-1, 2) % WORDS
            )
        (tokens / "vocabulary.json").write_text(json.dumps([f" w{i}" for i in range(WORDS)]))
    else:
        shutil.rmtree(path)


def _write_set(folder: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    about = Manifest(model="m", site="resid_post.1", d_model=D, dtype="float32", bos_token_id=0)
    words = [f" w{i}" for i in range(WORDS)]
    with ActivationWriter(folder, about, words, shard_bytes=40 * (D * 4 + 16)) as writer:
        for number, length in enumerate(LENGTHS):
            ids = torch.randint(WORDS, (length,), generator=generator)
            acts = torch.randn(length, D, generator=generator)
            writer.add(acts, ids, text=f"text {number}", category=("code", "story")[number % 2])


def read_workspace(folder: Path) -> None:
    """What is listed, and then all that is in it. What was not damaged must be listed."""
    workspace = Workspace(folder)
    listed = _answer(contents.get_contents, p.GetContents(), _on_loop(workspace))
    assert "whole" in [one.name for one in listed.activations], listed
    assert "whole" in [one.name for one in listed.saes], listed
    named = {(one.kind, one.name) for one in listed.damaged}
    named |= {("activations", one.name) for one in listed.activations}
    named |= {("sae", one.name) for one in listed.saes}
    assert named == {
        *(("activations", name) for name in workspace.names("activations")),
        *(("sae", name) for name in workspace.names("saes")),
    }
    context = ThreadContext(workspace, {3: p.Note(label="a word")})
    further = _further_questions() if workspace.catalogue("sae").exists() else ()
    _each(
        partial(_read_set, workspace),
        partial(load_sae, workspace.sae("sae")),
        partial(load_sae, workspace.sae("ours")),
        *(partial(_answer, *question, context) for question in (*_questions(), *further)),
        partial(_go_on, workspace),
    )


def _go_on(workspace: Workspace) -> None:
    """Go on with the scan that isn't done, if there is one; it may begin anew."""
    unfinished = workspace.scan("sae")
    if unfinished.exists():
        acts = ActivationSet.open(workspace.activations("acts"))
        topk, _ = load_sae(workspace.sae("sae"))
        scan(topk, acts, workspace.catalogue("sae"), **SETTINGS, unfinished=unfinished)


def _read_set(workspace: Workspace) -> None:
    _answer(contents.get_summary, p.GetSummary(name="acts"), _on_loop(workspace))
    acts = ActivationSet.open(workspace.existing_activations("acts"))
    for document in range(acts.manifest.documents):
        acts.document(document)
    list(acts.shards())
    read_categories(acts.folder)
    read_documents_table(acts.folder)


Question = tuple[Callable[[Any, ThreadContext], Any], p.Request[Any]]


def _questions() -> Iterator[Question]:
    """What is asked of a catalogue, the scan done or not."""
    yield features.get_feature_table, p.GetFeatureTable(sae="sae")
    for by in order_names():
        yield features.rank_features, p.RankFeatures(sae="sae", by=by, top=2)
    for filter in ("max > 0 and density < 1", "category = code", "snippet ~ w1"):
        yield features.match_features, p.MatchFeatures(sae="sae", filter=filter)
    for id in range(FEATURES):
        yield features.get_feature, p.GetFeature(sae="sae", feature=id)
    for id in SOME:
        yield exploring.get_snippets, p.GetSnippets(sae="sae", feature=id, kind="band")
        yield exploring.get_snippets, p.GetSnippets(sae="sae", feature=id, radius=9)


def _further_questions() -> Iterator[Question]:
    """What is asked of a catalogue once the scan is done, but for what needs a model."""
    for filter in ("promoted ~ w1", "suppressed ~ w2"):
        yield features.match_features, p.MatchFeatures(sae="sae", filter=filter)
    for id in SOME:
        yield exploring.get_snippets, p.GetSnippets(sae="sae", feature=id, kind="silent")
        yield exploring.get_coactive, p.GetCoactive(sae="sae", feature=id)
    yield exploring.grep, p.Grep(sae="sae", pattern="w1")
    yield exploring.grep, p.Grep(sae="sae", pattern="w1", feature=3)


def _answer(handler: Any, request: p.Request[Any], context: Any) -> Any:
    """The reply, as it comes out of its frame."""
    return decode_reply(Answer(id=1, body=encode_body(handler(request, context))), request)


def _on_loop(workspace: Workspace) -> Any:
    return cast(Any, SimpleNamespace(workspace=workspace, prompts=SimpleNamespace(all=list)))


def _each(*readers: Callable[[], object]) -> None:
    """Call all of them. Raises the first UserError at the end, and anything else at once."""
    errors = []
    for reader in readers:
        try:
            reader()
        except UserError as error:
            errors.append(error)
    if errors:
        raise errors[0]


# What a training leaves, and what the programs remember -------------------------------------------


def write_checkpoints(folder: Path) -> None:
    """Two of them, the older of which is whole whatever is done to the newer."""
    about = {"run": {"x": 1}, "data": {"activations": "acts"}}
    state = {"training": [{"W": torch.ones(3, 2), "step": 5}], "source": {"row": (1, 2)}}
    with Checkpointer(folder, about) as checkpointer:
        for step in (1, 2):
            checkpointer.save(step, 9, state)
    checkpoint.folder_of(folder, 1).rename(folder / "older")


def read_checkpoints(folder: Path) -> None:
    """As a training that goes on does; there is always an older one to go on from."""
    (folder / "older").rename(checkpoint.folder_of(folder, 1))
    if (record := checkpoint.newest_record(folder)) is not None:
        encode_body(record.step)
    noted: list[str] = []
    saved = load_newest_checkpoint(folder, noted.append)
    assert saved is not None
    assert saved.step in (1, 2)
    if noted:
        raise UserError(noted[0])


def read_checkpoints_with_sums(folder: Path) -> None:
    """The same, of one whose checksums were taken after it was damaged."""
    newest = checkpoint.folder_of(folder, 2)
    (newest / checkpoint.SUMS).write_bytes(checkpoint.sums_of(newest))
    read_checkpoints(folder)


def write_holder(folder: Path) -> None:
    workspace = Workspace.open(folder)
    with hold(workspace, [folder / "socket"]):
        data = (folder / "engine.json").read_bytes()
    (folder / "engine.json").write_bytes(data)


def write_database(folder: Path) -> None:
    """One with jobs, what happened to them, prompts and notes."""
    with contextlib.closing(open_database(folder / "brainsurg.sqlite")) as database:
        jobs = JobStore(database)
        for number in range(3):
            job, _ = jobs.add(p.Scan(sae=f"sae{number}", activations="acts"))
            jobs.record(job.id, p.Progressed(phase="scan", done=number, total=9))
            jobs.record(job.id, p.Noted(text="noted"))
        jobs.write()
        PromptStore(database).fill([Prompt(prompt=f"prompt {number}") for number in range(5)])
        NoteStore(database).set("sae", 3, p.Note(label="a word", tags=["one"], starred=True))


def read_database(folder: Path) -> None:
    """As a daemon that starts does, which turns SQLite's errors into sentences, and those of memory
    that isn't there, which a damaged length may ask for."""
    try:
        with contextlib.closing(open_database(folder / "brainsurg.sqlite")) as database:
            jobs = JobStore(database)
            encode_body(jobs.all())
            encode_body(jobs.events(None, 0))
            encode_body(PromptStore(database).all())
            encode_body(NoteStore(database).of("sae"))
            jobs.close_interrupted()
            jobs.write()
    except (sqlite3.Error, MemoryError) as error:
        told = database_error(error) if isinstance(error, sqlite3.Error) else shortage_of(error)
        assert told is not None
        raise told from error


MEMORY = Memory(
    workspaces={"/ws": WorkspaceMemory(tables={"features": Sorting("max", filter="max > 1")})}
)

WORKSPACE: dict[str, Kind] = {
    "workspace/activations": Kind(write_workspace, read_workspace, "activations/acts"),
    "workspace/sae": Kind(write_workspace, read_workspace, "saes/sae"),
    "workspace/sae, ours": Kind(write_workspace, read_workspace, "saes/ours"),
    "workspace/catalogue": Kind(write_workspace, read_workspace, "catalogues/sae"),
    "workspace/codes": Kind(write_workspace, read_workspace, "catalogues/sae/codes"),
    "workspace/scan": Kind(
        lambda folder: write_workspace(folder, scanned=False), read_workspace, "scans/sae"
    ),
    "checkpoint": Kind(write_checkpoints, read_checkpoints, "step-0000000002"),
    "checkpoint, sums taken again": Kind(
        write_checkpoints, read_checkpoints_with_sums, "step-0000000002"
    ),
    "database": Kind(write_database, read_database),
    "memory": Kind(
        lambda folder: write_memory(folder / "tui.json", MEMORY),
        lambda folder: msgspec.json.encode(read_memory(folder / "tui.json")),
    ),
    "settings": Kind(
        lambda folder: (folder / "config.toml").write_text('ascii = true\n[keys]\ntrain = "t"\n'),
        lambda folder: read_settings(folder / "config.toml"),
    ),
    "holder": Kind(write_holder, lambda folder: read_holder(Workspace(folder))),
}

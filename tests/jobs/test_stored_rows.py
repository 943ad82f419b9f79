"""Jobs as an older version stored them, and as a newer one may."""

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.errors import UserError
from engine.jobs import kinds
from engine.jobs.events import JobInfo, Noted, Progressed, StateChanged
from engine.jobs.kinds import JobResult, JobSpec, registered_kinds
from engine.jobs.kinds.base import decode_hook
from engine.jobs.store import JobStore
from engine.model.prompt import Prompt
from engine.sae.evaluation.density import DensityHistogram
from engine.sae.formats.metadata import SAEMetadata
from engine.workspace.database import open_database
from engine.workspace.folders import Workspace

TRAIN = (
    '{"kind":"train","device":"auto","seed":3,"name":"r1","activations":"a","target":null,'
    '"model":null,"site":null,"target_site":null,"texts":[],"dataset":null,"context":null,'
    '"arch":"topk","preset":"","width":64,"k":4,"l1":null,"skip":false,"tokens":6000,"batch":200,'
    '"lr":0.001,"devices":1,"shards":1,"checkpoint_minutes":5.0,"replace":false,"resume":false}'
)
SWEEP = (
    f'{{"kind":"sweep","train":{TRAIN},"archs":[],"widths":[],"ks":[8,16],"l1s":[],"lrs":[0.001]}}'
)
TRAINING = kinds.Train(
    name="r1", activations="a", width=64, k=4, tokens=6000, batch=200, lr=0.001, seed=3
)

SPECS: list[tuple[str, JobSpec]] = [
    (
        '{"kind":"capture","device":"auto","seed":0,"name":"a","model":"demo",'
        '"sites":["resid_post.0","mlp_out.1"],"prompts":[{"prompt":"Once","category":"story"}],'
        '"prompt_file":null,"texts":[],"dataset":null,"demo_documents":0,"generate":0,'
        '"context":null,"max_tokens":null,"dtype":"float32","chat":false}',
        kinds.Capture(
            name="a",
            model="demo",
            sites=["resid_post.0", "mlp_out.1"],
            prompts=[Prompt(prompt="Once", category="story")],
        ),
    ),
    (
        '{"kind":"import-activations","device":"auto","seed":0,"name":"a","folder":"/x"}',
        kinds.ImportActivations(name="a", folder="/x"),
    ),
    (
        '{"kind":"export-activations","device":"auto","seed":0,"name":"a","folder":"/x"}',
        kinds.ExportActivations(name="a", folder="/x"),
    ),
    (
        '{"kind":"import-sae","device":"auto","seed":0,"name":"r2","source":"owner/name:folder",'
        '"format":null,"model":"gpt2","site":"resid_pre.8"}',
        kinds.ImportSAE(name="r2", source="owner/name:folder", model="gpt2", site="resid_pre.8"),
    ),
    (
        '{"kind":"export-sae","device":"auto","seed":0,"name":"r2","folder":"/x",'
        '"format":"sae_lens"}',
        kinds.ExportSAE(name="r2", folder="/x", format="sae_lens"),
    ),
    (TRAIN, TRAINING),
    (
        '{"kind":"scan","device":"auto","seed":0,"sae":"r1","activations":"a","top_k":20,'
        '"radius":16}',
        kinds.Scan(sae="r1", activations="a"),
    ),
    (
        '{"kind":"evaluate","device":"auto","seed":0,"sae":"r1","activations":null,"target":null,'
        '"model":null,"max_tokens":65536,"histogram":true}',
        kinds.Evaluate(sae="r1", histogram=True),
    ),
    (
        '{"kind":"export-features","device":"auto","seed":0,"sae":"r1","folder":"/x",'
        '"features":[1,2],"model":null,"batch":128}',
        kinds.ExportFeatures(sae="r1", folder="/x", features=[1, 2]),
    ),
]
"""Rows of the table `jobs` as version 0.1.0 wrote them, and what they say."""

RESULTS: list[tuple[str, JobResult]] = [
    (
        '{"type":"capture","name":"a","sets":["a"],"model":"demo","d_model":64,'
        '"sites":["resid_post.0"],"tokens":315,"documents":7,"bytes":80640,"seconds":2.0,'
        '"tokens_per_second":157.5}',
        kinds.CaptureResult(
            name="a",
            sets=["a"],
            model="demo",
            d_model=64,
            sites=["resid_post.0"],
            tokens=315,
            documents=7,
            bytes=80640,
            seconds=2.0,
            tokens_per_second=157.5,
        ),
    ),
    (
        '{"type":"files","files":["activations_0.pt"],"shapes":[[49,64]]}',
        kinds.FilesResult(files=["activations_0.pt"], shapes=[[49, 64]]),
    ),
    (
        '{"type":"exchanged-sae","name":"r2","arch":"relu","d_in":64,"d_sae":512,"k":null,'
        '"model":"","site":"","format":"sae_lens"}',
        kinds.ExchangedSAE(
            name="r2", arch="relu", d_in=64, d_sae=512, k=None, model="", site="", format="sae_lens"
        ),
    ),
    (
        '{"type":"train","name":"r1","arch":"topk","d_in":64,"d_sae":512,"steps":30,'
        '"tokens":6000,"tokens_per_second":31900.0,"metrics":{"loss":0.1,"l0":4.0}}',
        kinds.TrainResult(
            name="r1",
            arch="topk",
            d_in=64,
            d_sae=512,
            steps=30,
            tokens=6000,
            tokens_per_second=31900.0,
            metrics={"loss": 0.1, "l0": 4.0},
        ),
    ),
    (
        '{"type":"sweep","name":"r1","runs":[{"name":"r1.k8","arch":"topk","width":64,"k":8,'
        '"l1":null,"lr":0.001,"metrics":{"l0":8.0},"fvu_front":true,"ce_score_front":false}],'
        '"seconds":3.5}',
        kinds.SweepResult(
            name="r1",
            runs=[
                kinds.SweepRun(
                    name="r1.k8",
                    arch="topk",
                    width=64,
                    k=8,
                    lr=0.001,
                    metrics={"l0": 8.0},
                    fvu_front=True,
                )
            ],
            seconds=3.5,
        ),
    ),
    (
        '{"type":"scan","sae":"r1","activations":"a","features":64,"tokens":315,"alive":60,'
        '"seconds":1.0,"tokens_per_second":315.0}',
        kinds.ScanResult(
            sae="r1",
            activations="a",
            features=64,
            tokens=315,
            alive=60,
            seconds=1.0,
            tokens_per_second=315.0,
        ),
    ),
    (
        '{"type":"evaluate","sae":"r1","activations":"a","target":null,"split":"held_out",'
        '"vectors":100,"mse":0.01,"fvu":null,"explained_variance":null,"cosine":0.97,'
        '"norm_ratio":0.96,"l0":4.0,"active_threshold":0.0,"training_l0":null,"l0_gap":null,'
        '"dead_fraction":0.1,"mean_decoder_cosine":null,"max_decoder_cosine":null,"ce_clean":null,'
        '"ce_sae":null,"ce_zero":null,"ce_score":null,"delta_ce":null,"kl":null,'
        '"predictions":null,"histogram":{"edges":[-1.0,0.0],"counts":[3],"dead":1},"seconds":2.0}',
        kinds.EvaluateResult(
            sae="r1",
            activations="a",
            split="held_out",
            vectors=100,
            mse=0.01,
            cosine=0.97,
            norm_ratio=0.96,
            l0=4.0,
            active_threshold=0.0,
            dead_fraction=0.1,
            histogram=DensityHistogram(edges=[-1.0, 0.0], counts=[3], dead=1),
            seconds=2.0,
        ),
    ),
    (
        '{"type":"exported-features","sae":"r1","folder":"/x","features":2,'
        '"files":["batch-0.json"],"seconds":1.5}',
        kinds.ExportedFeatures(
            sae="r1", folder="/x", features=2, files=["batch-0.json"], seconds=1.5
        ),
    ),
]

EVENTS = [
    (
        "state",
        '{"type":"state","state":"failed","error":"It was killed."}',
        StateChanged(state="failed", error="It was killed."),
    ),
    (
        "progress",
        '{"type":"progress","phase":"train","done":3,"total":30,"unit":"steps","rate":2.5,'
        '"seconds_left":10.0,"metrics":{"loss":0.5}}',
        Progressed(
            phase="train",
            done=3,
            total=30,
            unit="steps",
            rate=2.5,
            seconds_left=10.0,
            metrics={"loss": 0.5},
        ),
    ),
    ("note", '{"type":"note","text":"careful"}', Noted(text="careful")),
]


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    return open_database(tmp_path / "test.sqlite")


def add(database: sqlite3.Connection, spec: str, result: str | None = None) -> None:
    database.execute(
        "INSERT INTO jobs (spec, state, created, result) VALUES (?, 'done', 1.0, ?)",
        (spec, result),
    )


@pytest.mark.parametrize(("stored", "spec"), SPECS)
def test_a_stored_spec_is_read(database: sqlite3.Connection, stored: str, spec: JobSpec) -> None:
    add(database, stored)
    assert JobStore(database).get(1).spec == spec


def test_a_stored_sweep_is_read_and_trains_the_same(database: sqlite3.Connection) -> None:
    add(database, SWEEP)
    sweep = JobStore(database).get(1).spec
    assert isinstance(sweep, kinds.Sweep)
    assert sweep.train == TRAINING
    assert [(member.name, member.k, member.lr) for member in sweep.members()] == [
        ("r1.k8.lr0.001", 8, 0.001),
        ("r1.k16.lr0.001", 16, 0.001),
    ]


@pytest.mark.parametrize(("stored", "result"), RESULTS)
def test_a_stored_result_is_read(
    database: sqlite3.Connection, stored: str, result: JobResult
) -> None:
    add(database, TRAIN, stored)
    assert JobStore(database).get(1).result == result


def test_stored_events_are_read(database: sqlite3.Connection) -> None:
    add(database, TRAIN)
    for kind, stored, _ in EVENTS:
        database.execute(
            "INSERT INTO events (job, time, kind, body) VALUES (1, 1.0, ?, ?)", (kind, stored)
        )
    store = JobStore(database)
    assert [event.body for event in store.events(1, after=0)] == [body for *_, body in EVENTS]
    assert store.get(1).progress == EVENTS[1][2]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("created", "never"),
        ("created", 1e300),
        ("started", b"\xff\x00"),
        ("started", "NaN"),
        ("ended", -5.0),
        ("pid", "seven"),
        ("state", b"\xff\x00"),
        ("spec", b"\xff\x00"),
        ("error", b"\xff\x00"),
        ("result", 3),
    ],
)
def test_a_damaged_row_is_shown_beside_the_others(
    database: sqlite3.Connection, column: str, value: object
) -> None:
    add(database, TRAIN)
    add(database, TRAIN)
    database.execute(f"UPDATE jobs SET {column} = ? WHERE id = 1", (value,))
    damaged, whole = JobStore(database).all()
    assert whole == JobStore(database).get(2)
    assert damaged == msgspec.msgpack.decode(
        msgspec.msgpack.encode(damaged), type=JobInfo, dec_hook=decode_hook
    )
    if column != "pid":
        assert (column in damaged.error) == (column != "result")
    assert sum(JobStore(database).count().values()) == 2


def test_a_damaged_event_hides_no_other(database: sqlite3.Connection) -> None:
    add(database, TRAIN)
    rows = [
        (1, "never", '{"type":"note","text":"first"}'),
        ("x", 1.0, '{"type":"note","text":"of no job"}'),
        (1, 3.0, b"\xff\x00"),
        (1, 4.0, '{"type":"note","text":"last"}'),
    ]
    database.execute("PRAGMA foreign_keys = OFF")
    database.executemany(
        "INSERT INTO events (job, time, kind, body) VALUES (?, ?, 'note', ?)", rows
    )
    for job in (None, 1):
        first, unreadable, last = JobStore(database).events(job, after=0)
        assert (first.time, first.body) == (0.0, Noted(text="first"))
        assert isinstance(unreadable.body, Noted)
        assert (last.time, last.body) == (4.0, Noted(text="last"))


def test_text_that_is_not_utf_8_is_read(database: sqlite3.Connection) -> None:
    add(database, TRAIN)
    database.execute("UPDATE jobs SET error = CAST(x'6f68ff' AS TEXT) WHERE id = 1")
    assert JobStore(database).get(1).error == "oh\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        ('{"kind":"distil","sae":"r1"}', "no kind of job 'distil'"),
        ('{"kind":"scan","device":"auto"}', "`sae`"),
        ("{}", "no kind of job ''"),
        ("[]", "array"),
        ("no JSON", "malformed"),
    ],
)
def test_a_job_that_cannot_be_read_says_so_beside_the_others(
    database: sqlite3.Connection, tmp_path: Path, stored: str, why: str
) -> None:
    add(database, stored, '{"type":"distil","loss":1.0}')
    add(database, TRAIN)
    unreadable, readable = JobStore(database).all()
    assert readable.spec == TRAINING
    assert why in unreadable.spec.details
    assert unreadable.spec.title == "unreadable job"
    assert (unreadable.state, unreadable.result, unreadable.resumable) == ("done", None, False)
    with pytest.raises(UserError, match="can't read"):
        unreadable.spec.check(Workspace(tmp_path))
    assert database.execute("SELECT spec FROM jobs WHERE id = 1").fetchone() == (stored,)


def test_figures_that_are_no_finite_numbers_are_read(database: sqlite3.Connection) -> None:
    add(
        database,
        TRAIN,
        '{"type":"train","name":"r1","arch":"topk","d_in":64,"d_sae":512,"steps":30,"tokens":6000,'
        '"tokens_per_second":31900.0,"metrics":{"loss":0.1,"mse":null}}',
    )
    written = Progressed(phase="train", done=2, metrics={"loss": 3.0, "mse": math.inf})
    for body in (
        '{"type":"progress","phase":"train","done":1,"metrics":{"loss":2.0,"grad_norm":null}}',
        msgspec.json.encode(written).decode(),
    ):
        database.execute(
            "INSERT INTO events (job, time, kind, body) VALUES (1, 1.0, 'progress', ?)", (body,)
        )
    store = JobStore(database)
    first, second = (event.body for event in store.events(1, after=0))
    assert isinstance(first, Progressed)
    assert first.metrics == {"loss": 2.0, "grad_norm": None}
    assert isinstance(second, Progressed)
    assert second.metrics == {"loss": 3.0, "mse": None}
    (job,) = store.all()
    assert isinstance(job.result, kinds.TrainResult)
    assert job.result.metrics == {"loss": 0.1, "mse": None}
    assert job.progress == second


ALWAYS_FINITE = {
    *("seconds", "tokens_per_second", "active_threshold", "lr", "edges", "train_config"),
    "rule",
}
"""Durations and what follows of them, settings, which are checked when they are made, and norms of
what is finite, which end at the largest number of float32."""


def float_fields(of: Any) -> Iterator[str]:
    """The fields of a type, and of all within it, that null can't be read for."""
    match of:
        case msgspec.inspect.StructType():
            for field in of.fields:
                if field.name not in ALWAYS_FINITE:
                    yield from (f"{field.name} {name}" for name in float_fields(field.type))
        case msgspec.inspect.UnionType():
            for one in of.types:
                if not isinstance(one, msgspec.inspect.FloatType):
                    yield from float_fields(one)
        case msgspec.inspect.DictType():
            yield from float_fields(of.value_type)
        case msgspec.inspect.CollectionType():
            yield from float_fields(of.item_type)
        case msgspec.inspect.FloatType():
            yield "is a float"


@pytest.mark.parametrize(
    "stored",
    [*dict.fromkeys(kind.result for kind in registered_kinds().values()), Progressed, SAEMetadata],
)
def test_no_stored_record_fails_for_a_figure_that_is_not_finite(stored: type) -> None:
    assert [*float_fields(msgspec.inspect.type_info(stored))] == []


@pytest.mark.parametrize(
    "stored",
    [
        '{"type":"milestone","name":"half"}',
        '{"type":"progress","phase":3}',
        '{"type":"note"}',
        "{}",
        "no JSON",
        "[" * 5000,
    ],
)
def test_an_event_that_cannot_be_read_hides_no_other(
    database: sqlite3.Connection, stored: str
) -> None:
    add(database, TRAIN)
    for kind, body in (("note", '{"type":"note","text":"before"}'), ("progress", stored)):
        database.execute(
            "INSERT INTO events (job, time, kind, body) VALUES (1, 1.0, ?, ?)", (kind, body)
        )
    store = JobStore(database)
    store.record(1, Noted(text="after"))
    before, unreadable, after = (event.body for event in store.events(None, after=0))
    assert (before, after) == (Noted(text="before"), Noted(text="after"))
    assert isinstance(unreadable, Noted)
    assert "can't be read" in unreadable.text
    assert store.get(1).progress is None

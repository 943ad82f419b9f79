"""Sinks are told of wherever activations and figures are shown."""

import io

import msgspec
import pytest
from rich.console import Console, Group

from brainsurg_tui.commands.tables import show_result
from brainsurg_tui.commands.tables.registry import tables_of
from brainsurg_tui.panes.jobs.text import outcome
from brainsurg_tui.screens.workspace_text import figures
from engine.activations.store.row_summary import RowCounts, SinkRule
from engine.service import protocol as p

ROWS = p.RowSummary(
    rule=SinkRule.of_median(170.75),
    counts=RowCounts(text=59_000, start=600, special=9, sink=1301, nonfinite=2),
)
SENTENCE = (
    "Of 60,912 activations 1,301 are sinks, longer than 1,708 (10 × the median norm), and 2 hold"
    " NaN or infinity."
)
TRAINED = p.TrainResult(
    name="s",
    arch="topk",
    d_in=4,
    d_sae=8,
    steps=1,
    tokens=2,
    tokens_per_second=1.0,
    metrics={"fvu": 0.5},
    row_summary=ROWS,
)
SCANNED = p.ScanResult(
    sae="s",
    activations="a",
    features=8,
    tokens=9,
    alive=7,
    seconds=1.0,
    tokens_per_second=1.0,
    row_summary=ROWS,
)
EVALUATED = p.EvaluateResult(
    sae="s",
    activations="a",
    split="all",
    vectors=9,
    active_threshold=0.0,
    seconds=1.0,
    row_summary=ROWS,
)
CAPTURED = p.CaptureResult(
    name="a",
    sets=["a"],
    model="m",
    d_model=4,
    sites=["resid_post.1"],
    tokens=60_912,
    documents=600,
    sinks=1301,
    row_summaries={"a": ROWS},
    bytes=9,
    seconds=1.0,
    tokens_per_second=1.0,
)


def shown(result: object) -> str:
    show_result(p.Done())  # which finds all tables
    out = io.StringIO()
    Console(file=out, width=300, highlight=False).print(Group(*tables_of(result)))
    return out.getvalue()


@pytest.mark.parametrize("result", [TRAINED, SCANNED, EVALUATED, CAPTURED])
def test_results_say_how_many_there_are(result: p.JobResult) -> None:
    assert SENTENCE in shown(result)
    assert "RowCounts" not in shown(result)
    job = p.JobInfo(id=1, spec=p.Scan(sae="s"), state="done", created=0.0, result=result)
    assert "1,301 sinks left out, 2 with NaN or infinity left out" in outcome(job)


@pytest.mark.parametrize("result", [TRAINED, SCANNED, EVALUATED])
def test_results_say_where_sinks_are_kept(result: p.JobResult) -> None:
    kept = msgspec.structs.replace(result, keep_sinks=True)
    assert "Sinks are counted, as asked for." in shown(kept)
    assert "They are left out." in shown(result)
    job = p.JobInfo(id=1, spec=p.Scan(sae="s"), state="done", created=0.0, result=kept)
    assert any(line.startswith("1,301 sinks kept") for line in outcome(job))


def test_without_sinks_nothing_is_said_of_them() -> None:
    none = p.RowSummary(rule=ROWS.rule, counts=RowCounts(text=9, start=1))
    for result in (TRAINED, SCANNED, EVALUATED):
        assert "sink" not in shown(msgspec.structs.replace(result, row_summary=none)).lower()


def test_the_summary_counts_activations_kind_by_kind() -> None:
    found = p.ActivationsSummary(
        name="a", prompts=1, average_tokens=1.0, d_model=4, vectors=60_912, row_summary=ROWS
    )
    text = shown(found)
    for line in (
        "attention sinks 1,301 (longer than 1,708, 10 × the median norm)",
        "before a text (BOS) 600",
        "special tokens 9",
        "NaN or infinity 2",
    ):
        assert line in [" ".join(row.split()) for row in text.splitlines()]
    assert "not measured" in shown(msgspec.structs.replace(found, row_summary=None))


def test_an_sae_says_what_became_of_sinks() -> None:
    sae = p.SAEInfo(
        name="s",
        arch="topk",
        d_in=4,
        d_sae=8,
        k=2,
        model="m",
        site="resid_post.1",
        activations="a",
        metrics={"fvu": 0.5},
        scanned=False,
        row_summary=ROWS,
    )
    assert figures(sae).endswith("1,301 sinks left out")
    kept = msgspec.structs.replace(sae, keep_sinks=True, measured_with_sinks=True)
    assert figures(kept).endswith("with sinks   1,301 sinks learned from")
    assert "sinks" not in figures(msgspec.structs.replace(sae, row_summary=None))

"""What is answered of a catalogue when not all of it, or of its set, is there."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.errors import UserError
from engine.features.text.patterns import TimedPattern, compile_pattern
from engine.progress import Cancelled
from engine.service import protocol as p
from engine.service.handlers import exploring
from engine.service.handlers.context import ThreadContext
from engine.service.handlers.exploring import get_coactive, get_snippets, grep
from engine.workspace.folders import Workspace
from tests.features.dense_codes import catalogue_of, codes_of, random_dense
from tests.features.written_tokens import token_table
from tests.service.answering import Asker

LENGTHS = [20, 30, 10]
FEATURES = 6
DEAD = FEATURES - 1
RARE = 1
TEXT = " dog"


def workspace_at(root: Path, *, complete: bool = True, tokens: int = sum(LENGTHS)) -> Workspace:
    """A workspace with a set of `tokens` and a scanned SAE; feature 1 is active on 3 tokens."""
    workspace = Workspace.open(root)
    workspace.sae("sae").mkdir()
    dense = random_dense(sum(LENGTHS), FEATURES, 0.5)
    dense[:, RARE] = 0
    dense[[3, 25, 55], RARE] = [1, 2, 3]
    lengths = [*LENGTHS[:-1], tokens - sum(LENGTHS[:-1])]
    token_table(workspace.activations("set"), [[1] * n for n in lengths], ["<s>", TEXT])
    folder = workspace.catalogue("sae") if complete else workspace.scan("sae")
    catalogue_of(folder, dense, LENGTHS, codes=codes_of(dense, LENGTHS) if complete else None)
    return workspace


def snippets(
    workspace: Workspace, feature: int, kind: p.SnippetKind = "top", **rest: int
) -> p.SnippetList:
    request = p.GetSnippets(sae="sae", feature=feature, kind=kind, **rest)
    return get_snippets(request, ThreadContext(workspace, {}))


def test_low_and_high_are_those_of_the_peaks(tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path)
    found = snippets(workspace, RARE)
    assert (found.low, found.high, found.textless) == (1, 3, "")
    assert [s.activations[s.peak] for s in found.snippets] == [3, 2, 1]
    assert snippets(workspace, RARE, "band", band=9).high == 3


def test_a_sentence_says_why_there_are_no_examples(tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path)
    assert "never active" in snippets(workspace, DEAD).textless
    assert "never active" in snippets(workspace, DEAD, "silent").textless
    few = snippets(workspace, RARE, "band", band=1)
    assert few.snippets == []
    assert "active on 3 tokens" in few.textless


def test_what_a_running_scan_cannot_tell_yet(tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path, complete=False)
    assert len(snippets(workspace, RARE).snippets) == 3
    assert "once the scan is complete" in snippets(workspace, 0, "silent").textless
    context = ThreadContext(workspace, {})
    with pytest.raises(UserError, match="not come to its end"):
        get_coactive(p.GetCoactive(sae="sae", feature=0), context)
    with pytest.raises(UserError, match="not come to its end"):
        grep(p.Grep(sae="sae", pattern="dog"), context)


def test_another_set_of_the_same_name_is_not_shown(tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path, tokens=sum(LENGTHS) + 1)
    assert "not the one that was scanned" in snippets(workspace, 0).textless
    with pytest.raises(UserError, match="not the one that was scanned"):
        grep(p.Grep(sae="sae", pattern="dog"), ThreadContext(workspace, {}))


def test_bands_and_radii_that_cannot_be(tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path)
    with pytest.raises(UserError, match="no band 10"):
        snippets(workspace, 0, "band", band=10)
    with pytest.raises(UserError, match="less than 0 tokens"):
        snippets(workspace, 0, radius=-1)
    with pytest.raises(UserError, match="no feature -1"):
        snippets(workspace, -1)


def test_a_pattern_that_matches_everything(tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path)
    notes = {RARE: p.Note(label="rare")}
    report = grep(p.Grep(sae="sae", pattern=TEXT), ThreadContext(workspace, notes))
    assert (report.matches, report.matched_tokens, report.tokens) == (60, 60, 60)
    by_id = {score.id: score for score in report.features}
    assert set(by_id) == set(range(FEATURES)) - {DEAD}
    assert {score.precision for score in by_id.values()} == {1.0}
    assert (by_id[RARE].recall, by_id[RARE].label) == (3 / 60, "rare")


async def test_a_search_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Asker(workspace_at(tmp_path))
    go_on = threading.Event()

    def compile_slowly(pattern: str, *, ignore_case: bool) -> Any:
        assert go_on.wait(30)
        return compile_pattern(pattern, ignore_case=ignore_case)

    monkeypatch.setattr(exploring, "compile_pattern", compile_slowly)
    searching = asyncio.create_task(ask(p.Grep(sae="sae", pattern="dog")))
    await asyncio.sleep(0)
    assert await ask(p.ListJobs()) == p.JobList(jobs=[])
    assert not searching.done()
    go_on.set()
    assert isinstance(await searching, p.GrepReport)


@pytest.mark.parametrize(
    "request_",
    [
        p.Grep(sae="sae", pattern="dog"),
        p.MatchFeatures(sae="sae", filter="snippet ~ dog"),
        p.RankFeatures(sae="sae", top=1, filter="snippet ~ dog"),
    ],
)
async def test_a_search_that_is_given_up_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_: p.Request[Any]
) -> None:
    ask = Asker(workspace_at(tmp_path))
    begun, ended = threading.Event(), threading.Event()
    found = TimedPattern.is_in

    def look_at_endless_texts(pattern: TimedPattern, text: str, *_: int) -> bool:
        try:
            while True:
                found(pattern, text)
                begun.set()
        except Cancelled:
            ended.set()
            raise

    monkeypatch.setattr(TimedPattern, "is_in", look_at_endless_texts)
    monkeypatch.setattr(TimedPattern, "spans", look_at_endless_texts)
    searching = asyncio.create_task(ask(request_))
    assert await asyncio.to_thread(begun.wait, 30)
    searching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await searching
    assert await asyncio.to_thread(ended.wait, 15)  # less than a pattern's 20 seconds

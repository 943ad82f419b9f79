"""A job's figures as files for other programs."""

import json
import math
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from brainsurg_tui.commands.logs import open_log
from engine.errors import UserError
from engine.service import protocol as p


def reports(*steps: tuple[int, dict[str, float]]) -> list[p.Event]:
    """What a training of job 7 tells: its steps, and sentences and states between them."""
    bodies: list[p.StateChanged | p.Progressed | p.Noted] = [
        p.StateChanged(state="running"),
        p.Progressed(phase="load the model", done=0),
        p.Noted(text="A sentence."),
        *(p.Progressed(phase="train", done=done, metrics=figures) for done, figures in steps),
    ]
    return [p.Event(seq=i, job=7, time=1e9 + i, body=body) for i, body in enumerate(bodies)]


def scalars(folder: Path) -> dict[str, list[tuple[float, int, float]]]:
    """Every tag of a run with its (time, step, value)s, as TensorBoard reads them."""
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    return {
        tag: [(at.wall_time, at.step, at.value) for at in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }


def write(kind: str, folder: Path, events: list[p.Event]) -> Path:
    path, log = open_log(kind, folder, 7)
    with log:
        for event in events:
            log.add(event)
    return path


def test_every_report_with_figures_is_a_line(tmp_path: Path) -> None:
    events = reports((1, {"loss": 0.5, "l0": 3.0}), (2, {"loss": math.nan, "l0": 4.0}))
    path = write("jsonl", tmp_path / "logs", events)
    assert path == tmp_path / "logs" / "job-7.jsonl"
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"time": 1e9 + 3, "phase": "train", "step": 1, "loss": 0.5, "l0": 3.0},
        {"time": 1e9 + 4, "phase": "train", "step": 2, "loss": None, "l0": 4.0},
    ]


def test_lines_are_there_as_soon_as_they_are_told(tmp_path: Path) -> None:
    path, log = open_log("jsonl", tmp_path, 7)
    with log:
        for event in reports((1, {"loss": 0.5})):
            log.add(event)
        assert len(path.read_text().splitlines()) == 1


def test_tensorboard_reads_every_figure_at_its_step_and_time(tmp_path: Path) -> None:
    events = reports((10, {"loss": 0.5, "l0": 3.0}), (20, {"loss": 0.25, "l0": 4.0}))
    path = write("tensorboard", tmp_path, events)
    assert scalars(path) == {
        "train/loss": [(1e9 + 3, 10, 0.5), (1e9 + 4, 20, 0.25)],
        "train/l0": [(1e9 + 3, 10, 3.0), (1e9 + 4, 20, 4.0)],
    }


def test_each_of_several_runs_has_a_folder_of_its_own(tmp_path: Path) -> None:
    events = reports((10, {"loss": 0.5, "loss s.k4": 0.75, "loss s.k8": 0.25, "fvu s.k8": 0.125}))
    path = write("tensorboard", tmp_path, events)
    tags = {run: {t: v[0][2] for t, v in scalars(path / run).items()} for run in ("s.k4", "s.k8")}
    assert tags == {
        "s.k4": {"train/loss": 0.75},
        "s.k8": {"train/loss": 0.25, "train/fvu": 0.125},
    }


def test_what_a_resumed_training_tells_again_replaces_what_it_told(tmp_path: Path) -> None:
    steps = [(10, 5.0), (20, 4.0), (30, 9.0), (20, 3.0), (30, 2.0)]
    events = reports(*((step, {"loss": loss}) for step, loss in steps))
    told = scalars(write("tensorboard", tmp_path, events))["train/loss"]
    assert [(step, value) for _, step, value in told] == [(10, 5.0), (20, 3.0), (30, 2.0)]


def test_a_log_that_is_made_again_replaces_the_one_before(tmp_path: Path) -> None:
    for last in (10, 20):
        events = reports(*((step, {"loss": 1.0}) for step in range(10, last + 1, 10)))
        write("jsonl", tmp_path, events)
        write("tensorboard", tmp_path, events)
    assert [step for _, step, _ in scalars(tmp_path / "job-7")["train/loss"]] == [10, 20]
    assert len((tmp_path / "job-7.jsonl").read_text().splitlines()) == 2


def test_without_the_library_the_user_is_told_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tensorboard.compat.proto", "tensorboard.summary.writer.event_file_writer"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=r"pip install 'brainsurg\[log\]'"):
        open_log("tensorboard", tmp_path, 7)


def test_a_folder_that_can_not_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="can't be written"):
        open_log("jsonl", tmp_path / "file", 7)

"""What follows from one declaration: a throw-away kind of job, setting and architecture."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
import pytest
from cyclopts import App

from brainsurg_tui.cli import app, main
from brainsurg_tui.commands.job_command import options_of
from brainsurg_tui.commands.tables import show_result
from brainsurg_tui.commands.training import setting_help
from brainsurg_tui.controllers.train_fields import parse_settings, setting_fields
from engine.errors import UserError
from engine.jobs.kinds import base
from engine.jobs.kinds.base import DeviceSpec, JobResult
from engine.jobs.kinds.fields import Setting, kind_fields
from engine.jobs.kinds.sweep import Sweep
from engine.jobs.kinds.train import AUTOENCODER, Train
from engine.sae import traits
from engine.sae.traits import Traits, Words


class Counted(JobResult, msgspec.Struct, frozen=True, kw_only=True, tag="counted"):
    """How often a word was found."""

    word: str
    times: int


class CountWords(DeviceSpec, frozen=True, kw_only=True, tag="count-words"):
    """Count how often a word occurs."""

    work = "nowhere:count"
    result = Counted

    word: str
    """The word."""
    folder: Annotated[str, Setting(flag="in", meaning="path")]
    """Where to look for it."""
    most: Annotated[int, Setting(least=1)] = 7
    """How many texts to read."""

    @property
    def subject(self) -> str:
        return self.word


class WarmTrain(Train, frozen=True, kw_only=True, tag="warm-train"):
    """A training with one setting more."""

    temperature: Annotated[
        float | None, Setting(group=AUTOENCODER, label="temperature", sweep="t")
    ] = None
    """How soft the choice of features is."""


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def count_words(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A kind of job that nothing else knows of."""
    monkeypatch.setitem(base._KINDS, "count-words", CountWords)
    yield
    if "count-words" in app:
        del app["count-words"]


@pytest.fixture
def warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """An architecture that has a k and, alone, a temperature."""
    words = {"k": Words("crowd", "How many may come."), "temperature": Words("heat", "How hot.")}
    known = Traits(
        name="warm", implementation="nowhere:Warm", keeps="some", source="a test", settings=words
    )
    monkeypatch.setitem(traits._REGISTERED, "warm", known)


def printed(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == status
    out = capsys.readouterr()
    return " ".join((out.err if status else out.out).replace("│", " ").split())


@pytest.mark.usefixtures("count_words")
def test_a_kind_of_job_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert "count-words Count how often a word occurs." in printed(capsys, "--help")
    shown = printed(capsys, "count-words", "--help")
    assert "brainsurg count-words --in PATH [OPTIONS] WORD Count how often" in shown
    assert "--in PATH Where to look for it. [required]" in shown
    assert "--most INT How many texts to read. [default: 7]" in shown
    assert "--detach" in shown
    wrong = printed(capsys, "count-words", "x", "--in", ".", "--most", "0", status=2)
    assert "--most" in wrong
    assert "Did you mean count-words?" in printed(capsys, "count-word", status=2)


def test_every_kind_of_job_is_a_command() -> None:
    assert base.registered_kinds().keys() <= set(app)


def test_a_result_without_a_table_is_shown_by_its_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_result(Counted(word="the", times=1200))
    assert capsys.readouterr().out.split() == ["word", "the", "times", "1,200"]


def test_a_setting_is_a_flag_a_field_and_an_axis(capsys: pytest.CaptureFixture[str]) -> None:
    command = App(name="warm-train", result_action="return_value")
    seen = []
    command.default(options_of(WarmTrain, help_of=setting_help)(lambda **given: seen.append(given)))
    command(["s", "--temperature", "0.5", "--text", "a", "b"], exit_on_error=False)
    assert seen[0]["temperature"] == 0.5
    assert seen[0].keys() == {"name", "temperature", "texts"}
    command(["--help"])
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--temperature FLOAT How soft the choice of features is." in shown

    (field,) = (f for f in setting_fields({"temperature": "2"}, WarmTrain) if f.value)
    assert (field.label, field.help) == ("temperature", "How soft the choice of features is.")
    empty = {f.name: "" for f in setting_fields({}, WarmTrain)}
    assert parse_settings(empty | {"temperature": "2"}, WarmTrain) == {"temperature": 2.0}
    with pytest.raises(UserError, match="temperature"):
        parse_settings(empty | {"temperature": "hot"}, WarmTrain)

    sweep = Sweep(train=WarmTrain(name="s"), axes={"temperature": [0.5, 2.0], "k": [4]})
    assert [member.name for member in sweep.members()] == ["s.k4.t0.5", "s.k4.t2"]


@pytest.mark.usefixtures("warm")
def test_an_architecture_says_what_a_setting_is_to_it() -> None:
    fields = setting_fields({}, WarmTrain)
    own = [f for f in fields if f.shown({"arch": "warm"})]
    assert [(f.label, f.help) for f in own if f.label in ("k", "crowd", "heat", "temperature")] == [
        ("crowd", "How many may come."),
        ("heat", "How hot."),
    ]
    assert "heat" not in [f.label for f in fields if f.shown({"arch": "topk"})]
    empty = {f.name: "" for f in fields}
    (crowd,) = (f.name for f in fields if f.label == "crowd")
    assert parse_settings(empty | {crowd: "3"}, WarmTrain) == {"k": 3}

    (k,) = (f for f in kind_fields(Train) if f.name == "k")
    assert "How many may come (warm)." in setting_help(k)
    axes = {"arch": ["warm", "topk"], "k": [4], "temperature": [0.5]}
    sweep = Sweep(train=WarmTrain(name="s"), axes=axes)
    assert [member.name for member in sweep.members()] == ["s.warm.k4.t0.5", "s.topk.k4"]

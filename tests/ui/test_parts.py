"""The parts of the app that need no terminal."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainsurg_tui.layout import PANES, arrange, mode_of, resize, too_small
from brainsurg_tui.settings import (
    Memory,
    Settings,
    Sorting,
    WorkspaceMemory,
    read_memory,
    read_settings,
    write_memory,
)
from brainsurg_tui.state.clamp_draft import ClampDraft
from brainsurg_tui.state.history import History
from brainsurg_tui.state.state import State
from brainsurg_tui.terminal.escapes import escape, unescape
from brainsurg_tui.widgets.numbers import column_format
from engine.errors import UserError
from engine.service import protocol as p
from tests.ui.fake_engine import World

# Arrangement


@given(
    width=st.integers(60, 300),
    height=st.integers(13, 100),
    active=st.sampled_from(PANES),
    lower=st.sampled_from(["loss", "jobs"]),
    zoomed=st.booleans(),
    stretches=st.lists(
        st.tuples(st.sampled_from(PANES), st.integers(-1, 1), st.integers(-1, 1)), max_size=30
    ),
)
def test_panes_fill_the_room_without_overlap(
    *,
    width: int,
    height: int,
    active: str,
    lower: str,
    zoomed: bool,
    stretches: list[tuple[str, int, int]],
) -> None:
    weights: dict[str, float] = {}
    for pane, wider, taller in stretches:
        weights = resize(weights, mode_of(width, height), pane, lower, wider=wider, taller=taller)
    if active in ("loss", "jobs"):
        lower = active
    places = arrange(width, height, active=active, lower=lower, zoomed=zoomed, weights=weights)
    assert active in places
    cells = [
        (x, y)
        for place in places.values()
        for x, y in itertools.product(
            range(place.x, place.x + place.width), range(place.y, place.y + place.height)
        )
    ]
    assert len(cells) == len(set(cells))
    columns = len({place.x for place in places.values()})
    assert len(cells) == (width - columns + 1) * height
    assert all(0 <= x < width and 0 <= y < height for x, y in cells)


def test_how_many_panes_are_seen() -> None:
    assert len(arrange(80, 21, active="clamp")) == 1
    assert len(arrange(120, 37, active="clamp")) == 5
    assert len(arrange(200, 57, active="clamp")) == 6
    assert arrange(120, 37, active="jobs", lower="jobs").keys() == set(PANES) - {"loss"}


def test_too_small() -> None:
    assert too_small(59, 40)
    assert too_small(200, 15)
    assert not too_small(60, 16)


# Escapes


@given(st.text())
def test_what_is_written_in_a_line_means_the_same_text(text: str) -> None:
    line = escape(text)
    assert unescape(line) == text
    assert "\n" not in line
    assert "\x1b" not in line


def test_an_unknown_escape_stands_for_itself() -> None:
    assert unescape(r"\d+\s \x1") == r"\d+\s \x1"


# History


def event(seq: int, loss: float = 1.0) -> p.Event:
    progress = p.Progressed(phase="train", done=seq * 10, metrics={"loss": loss})
    return p.Event(seq=seq, job=1, time=0.0, body=progress)


@given(
    told=st.lists(st.integers(1, 60), max_size=40),
    answered=st.integers(0, 60),
    split=st.integers(0, 40),
)
def test_past_and_news_in_any_order_make_one_history(
    told: list[int], answered: int, split: int
) -> None:
    history = History()
    for seq in told[:split]:
        history.add(event(seq))
    history.add_past([event(seq) for seq in range(1, answered + 1)])
    for seq in told[split:]:
        history.add(event(seq))
    expected = sorted({*told, *range(1, answered + 1)})
    assert history.curve("loss")[0] == [seq * 10 for seq in expected]
    assert not any(history.add(event(seq)) for seq in expected)


def test_a_history_tells_notes_and_metrics_in_order() -> None:
    history = History()
    history.add(p.Event(seq=2, job=1, time=0.0, body=p.Noted(text="second")))
    history.add(p.Event(seq=1, job=1, time=0.0, body=p.Noted(text="first")))
    history.add(event(3, 0.5))
    assert history.notes() == ["first", "second"]
    assert history.metrics() == ["loss"]
    assert history.rows() == [{"time": 0.0, "step": 30, "loss": 0.5}]


# Clamp draft


def draft_on(feature: int = 7) -> ClampDraft:
    return ClampDraft().of([feature])


def test_a_new_trial_clamps_at_the_maximum() -> None:
    [edit] = draft_on().edits
    assert (edit.operation, edit.value, edit.unit) == ("clamp", 1.0, "max")
    assert p.describe_edit(edit) == "7 = 1× max"


def test_the_ladder_goes_up_and_down_the_same_rungs_and_beyond() -> None:
    values = [draft_on().stronger(steps).edits[0].value for steps in range(-5, 9)]
    assert values == [-2, -1, -0.5, 0, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30]
    assert draft_on().stronger(3).stronger(-3) == draft_on()


def test_other_features_take_over_what_was_set() -> None:
    draft = draft_on(7).stronger(1).of([7, 8])
    assert [(edit.feature, edit.value) for edit in draft.edits] == [(7, 2.0), (8, 2.0)]
    assert draft.without_last() == draft_on(7).stronger(1)


def test_every_operation_comes_round() -> None:
    draft = draft_on()
    seen = []
    for _ in range(4):
        draft = draft.next_operation()
        seen.append(p.describe_edit(draft.edits[0]))
    assert seen == ["7 ablated", "7 × 2", "7 + 1× max", "7 = 1× max"]


def test_ablating_has_no_strength() -> None:
    ablated = draft_on().next_operation()
    assert ablated.stronger(3) == ablated


def test_a_trial_without_edits_stays_empty() -> None:
    assert ClampDraft().next_operation().stronger(1).zero().without_last() == ClampDraft()


# State


def test_another_sae_forgets_what_belonged_to_the_first() -> None:
    world = World()
    world.add_sae("r2", scanned=True)
    state = State()
    state.set_contents(p.Contents(workspace="", prompts=[], activations=[], saes=list(world.saes)))
    state.choose_sae("r1")
    assert state.set_table(world.table("r1"))
    state.choose_feature(3)
    assert state.set_detail("r1", world.detail("r1", 3))
    state.choose_sae("r2")
    assert state.table is state.detail is state.feature is None
    assert not state.set_table(world.table("r1"))
    state.choose_feature(3)
    assert not state.set_detail("r1", world.detail("r1", 3))


def test_an_sae_that_is_deleted_is_not_selected_any_more() -> None:
    world = World()
    state = State()
    contents = p.Contents(workspace="", prompts=[], activations=[], saes=list(world.saes))
    assert state.set_contents(contents)
    assert state.sae == "r1"
    assert not state.set_contents(contents)
    assert state.set_contents(p.Contents(workspace="", prompts=[], activations=[], saes=[]))
    assert state.sae is None


def test_the_charted_job_is_the_chosen_one_or_one_that_runs_or_the_last() -> None:
    world = World()
    state = State()
    for name in ("a", "b", "c"):
        world.submit(p.Train(name=name, activations="acts1"))
    world.start(2)
    state.jobs.set_all(world.jobs.values())
    assert state.jobs.training_to_chart() is world.jobs[2]
    state.jobs.choose(1)
    assert state.jobs.training_to_chart() is world.jobs[1]
    state.jobs.choose(None)
    world.finish(2)
    state.jobs.set_all(world.jobs.values())
    assert state.jobs.training_to_chart() is world.jobs[3]


# Figures


@given(st.lists(st.floats(0, 1e9), min_size=1))
def test_figures_of_a_column_have_their_points_under_each_other(values: list[float]) -> None:
    write = column_format(max(values))
    texts = [write(value) for value in values if write(value).find("e") < 0]
    assert len({len(text.partition(".")[2]) for text in texts}) <= 1


def test_a_small_figure_never_reads_as_zero() -> None:
    write = column_format(8.31)
    assert (write(8.31), write(0.5), write(0.0), write(3e-7)) == ("8.31", "0.50", "0.00", "3e-7")


# Settings


def test_settings_are_read_and_defaults_fill_the_rest(tmp_path) -> None:
    path = tmp_path / "config.toml"
    assert read_settings(path) == Settings()
    path.write_text('theme = "nord"\nascii = true\n[keys]\ntrain = "t"\n')
    assert read_settings(path) == Settings(theme="nord", ascii=True, keys={"train": "t"})
    assert read_settings(path).ascii_only()


@pytest.mark.parametrize("text", ["theme = 3", "colour = 1", "theme = ", "\x00"])
def test_bad_settings_get_a_clear_sentence(tmp_path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"config\.toml can't be used: "):
        read_settings(path)


def test_a_dumb_terminal_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locale.getpreferredencoding", lambda _: "UTF-8")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert not Settings().ascii_only()
    monkeypatch.setenv("TERM", "dumb")
    assert Settings().ascii_only()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("locale.getpreferredencoding", lambda _: "ANSI_X3.4-1968")
    assert Settings().ascii_only()
    assert not Settings(ascii=False).ascii_only()


def test_what_is_remembered_comes_back_and_spoilt_memory_is_forgotten(tmp_path) -> None:
    path = tmp_path / "deep" / "tui.json"
    memory = Memory()
    memory.of("/some/workspace").feature = 7
    memory.of("/some/workspace").tables = {"features": Sorting("mean", True, "max>5")}
    write_memory(path, memory)
    assert read_memory(path) == memory
    path.write_bytes(b'{"theme": 3')
    assert read_memory(path) == Memory()


def test_memory_of_before_is_that_of_the_workspace_used_last(tmp_path) -> None:
    path = tmp_path / "tui.json"
    path.write_text(
        """{"theme": "light", "pane": "jobs", "weights": {"left": 2.0},
        "tables": {"features": {"column": "mean", "reverse": true, "filter": "max>5"}},
        "workspaces": {"/a": {"sae": "r1", "feature": 3}, "/b": {"sae": "r2", "feature": 7}}}"""
    )
    memory = read_memory(path)
    assert (memory.theme, memory.weights) == ("light", {"left": 2.0})
    tables = {"features": Sorting("mean", True, "max>5")}
    last = WorkspaceMemory(sae="r2", feature=7, pane="jobs", tables=tables)
    assert memory.workspaces == {"/a": WorkspaceMemory(sae="r1", feature=3), "/b": last}
    write_memory(path, memory)
    memory.of("/c")
    write_memory(path, memory)
    assert read_memory(path).workspaces["/c"] == WorkspaceMemory()


def test_only_the_workspaces_used_last_are_remembered() -> None:
    memory = Memory()
    for number in range(60):
        memory.of(f"/{number}")
    memory.of("/15")
    assert len(memory.workspaces) == 50
    assert list(memory.workspaces)[-1] == "/15"

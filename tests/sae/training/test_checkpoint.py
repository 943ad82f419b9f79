"""A training that is interrupted goes on as if nothing had happened, whatever happened."""

import contextlib
import errno
import itertools
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

from engine.activations.batches.source import Source
from engine.activations.batches.stored import StoredBatches
from engine.errors import UserError
from engine.progress import Cancelled
from engine.sae.recipes import recipe
from engine.sae.training import checkpoint
from engine.sae.training import checkpointer as checkpointing
from engine.sae.training.checkpointer import Checkpointer, load_newest_checkpoint
from engine.sae.training.loop import Trained, train_together
from engine.sae.training.packing import pack, unpack
from engine.sae.training.runs import Run
from engine.sae.traits import ARCHITECTURES
from tests.sae.conftest import MakeSet, Remembering

STEPS = 60
BATCH = 50
VECTORS = 700
"""A batch is often filled up from the next epoch."""

Plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.lists(inside, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inside, max_size=3)
    ),
    max_leaves=12,
)


class AtOnce(Executor):
    """Writes before the training goes on, so that a test knows what is written when."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*args, **named))
        return future


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpointing, "ThreadPoolExecutor", AtOnce)


class Killed(Exception):  # noqa: N818
    """Nothing that anybody expects."""


def run(architecture: str = "topk", **other: Any) -> Run:
    """One that has warm-up, decay, dead features that are revived, and whatever the recipe says."""
    training = {"dead_after": 300, "warmup": 0.1, **other.pop("training", {})}
    sae, config = recipe(
        architecture, 12, VECTORS, width=40, tokens=STEPS * BATCH, batch=BATCH, lr=3e-3, **other
    )
    return Run(
        sae=sae,
        training=msgspec.structs.replace(config, **training),
        site="resid_post.1",
        target="mlp_out.1" if sae.transcodes else None,
    )


@pytest.fixture
def stored(make_set: MakeSet, sparse_data: Tensor) -> Callable[[], Source]:
    """Opens the same activations again, as another process would."""
    acts = make_set(sparse_data[:VECTORS])

    def open_() -> Source:
        return StoredBatches([acts], torch.arange(VECTORS), BATCH, 3, memory_bytes=200 * 48)

    return open_


def whole(runs: list[Run], source: Source) -> list[Trained]:
    return train_together(runs, source, VECTORS)


def interrupted(
    runs: list[Run], open_: Callable[[], Source], folder: Path, *ends: tuple[int, Exception]
) -> list[Trained]:
    """Trained with an end at each of these steps; checkpoints are written as often as can be."""
    for step, error in [*ends, (STEPS + 1, Killed())]:
        torch.manual_seed(step)  # what others draw must not matter
        progress = Remembering()
        progress.raises[step] = error
        with Checkpointer(folder, {"who": "test"}, minutes=0) as checkpoints:
            saved = load_newest_checkpoint(folder, progress.note)
            try:
                return train_together(
                    runs,
                    open_(),
                    VECTORS,
                    progress=progress,
                    checkpointer=checkpoints,
                    saved=saved,
                )
            except type(error):
                continue
    raise AssertionError("it was never finished")


def assert_same(one: list[Trained], other: list[Trained]) -> None:
    for a, b in zip(one, other, strict=True):
        assert a.metrics == b.metrics
        state = b.sae.state_dict()
        assert all(torch.equal(tensor, state[name]) for name, tensor in a.sae.state_dict().items())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_weights_are_those_of_an_uninterrupted_training(
    stored: Callable[[], Source], tmp_path: Path, architecture: str
) -> None:
    runs = [run(architecture)]
    ends = ((7, Killed()), (8, Killed()), (31, Cancelled()), (STEPS, Cancelled()))
    assert_same(whole(runs, stored()), interrupted(runs, stored, tmp_path / "c", *ends))


@pytest.mark.usefixtures("at_once")
def test_tensors_in_checkpoints_keep_their_names(
    stored: Callable[[], Source], tmp_path: Path
) -> None:
    interrupted([run("gated")], stored, tmp_path / "c", (7, Cancelled()))
    (first, *_) = checkpoint.all_checkpoints(tmp_path / "c")
    names = set(load_file(first / checkpoint.TENSORS))
    weights = ("encoder", "decoder", "decoder_bias", "gate_bias", "magnitude_bias", "log_magnitude")
    assert {f"training.trainers.0.sae.{name}" for name in weights} <= names
    assert "training.trainers.0.silent_for" in names


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("step", range(1, STEPS, 7))
def test_the_rate_falls_on_a_plateau_as_it_would_have(
    stored: Callable[[], Source], tmp_path: Path, step: int
) -> None:
    plateau = {"schedule": "plateau", "patience": 0, "lr": 0.1}
    runs = [run("seed-optimised", training=plateau)]
    trained = whole(runs, stored())
    assert trained[0].metrics["lr"] < 0.05
    assert_same(trained, interrupted(runs, stored, tmp_path / "c", (step, Cancelled())))


def test_several_at_once_are_each_what_they_are_alone(
    stored: Callable[[], Source], tmp_path: Path
) -> None:
    runs = [
        msgspec.structs.replace(run(name, k=k), name=f"{name}{k}")
        for name, k in (("topk", 2), ("topk", 6), ("jumprelu", 4))
    ]
    together = interrupted(runs, stored, tmp_path / "c", (20, Killed()), (41, Cancelled()))
    assert_same([whole([each], stored())[0] for each in runs], together)


def test_transcoders_go_on_too(make_set: MakeSet, sparse_data: Tensor, tmp_path: Path) -> None:
    read = make_set(sparse_data[:VECTORS])
    written = make_set(sparse_data[:VECTORS, :7].square(), name="out", site="mlp_out.1")

    def open_() -> Source:
        return StoredBatches([read, written], torch.arange(VECTORS), BATCH, 3)

    runs = [run("batchtopk", d_out=7, skip=True, k=4)]
    assert_same(whole(runs, open_()), interrupted(runs, open_, tmp_path / "c", (33, Killed())))


def test_every_step_is_told_once(stored: Callable[[], Source], tmp_path: Path) -> None:
    told: list[int] = []
    for end in (13, 40, STEPS + 1):
        progress = Remembering()
        progress.raises[end] = Cancelled()
        with (
            contextlib.suppress(Cancelled),
            Checkpointer(tmp_path / "c", {}, minutes=60) as checkpoints,
        ):
            train_together(
                [run()],
                stored(),
                VECTORS,
                progress=progress,
                checkpointer=checkpoints,
                saved=load_newest_checkpoint(tmp_path / "c", progress.note),
            )
        told += [step[1] for step in progress.trained]
    assert told == list(range(1, STEPS + 1))


@given(Plain)
def test_a_state_comes_back_as_exactly_what_it_was(state: Any) -> None:
    tensors = {"a": torch.arange(3), "b": torch.tensor(1.5)}
    structure, found = pack([state, tensors])
    again = unpack(msgspec.json.decode(msgspec.json.encode(structure)), found)
    assert repr(again[0]) == repr(state)  # NaN is not equal to itself, and 1 is equal to True
    assert again[1]["a"] is tensors["a"]
    assert sorted(found) == ["1.a", "1.b"]


def test_what_only_pickle_could_keep_is_refused() -> None:
    with pytest.raises(TypeError, match=r"0\.what is a set"):
        pack([{"what": {1}}])


@pytest.fixture
def three_saved(tmp_path: Path) -> Path:
    """Checkpoints of steps 1, 2 and 3, saved one after the other."""
    folder = tmp_path / "c"
    for step in (1, 2, 3):
        with Checkpointer(folder, {"name": "r1"}) as checkpoints:
            checkpoints.save(step, 9, {"x": torch.full((4,), float(step))})
    return folder


def newest(folder: Path) -> tuple[int | None, list[str]]:
    """The step of the checkpoint that is gone on from, and what is said about it."""
    notes: list[str] = []
    saved = load_newest_checkpoint(folder, notes.append)
    if saved is None:
        return None, notes
    assert saved.about == {"name": "r1"}
    assert torch.equal(saved.state["x"], torch.full((4,), float(saved.step)))
    return saved.step, notes


def test_the_last_two_are_kept(three_saved: Path) -> None:
    assert [path.name for path in checkpoint.all_checkpoints(three_saved)] == [
        "step-0000000003",
        "step-0000000002",
    ]
    record = checkpoint.newest_record(three_saved)
    assert record is not None
    assert (record.step, record.steps, record.about) == (3, 9, {"name": "r1"})
    assert newest(three_saved) == (3, [])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("file", ["state.safetensors", "state.json", "SHA256SUMS"])
@pytest.mark.parametrize("harm", [cut, flip, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_damaged_checkpoint_is_passed_over_and_the_one_before_is_used(
    three_saved: Path, file: str, harm: Callable[[Path], object]
) -> None:
    harm(three_saved / "step-0000000003" / file)
    step, (note,) = newest(three_saved)
    assert step == 2
    assert str(three_saved / "step-0000000003") in note
    harm(three_saved / "step-0000000002" / file)
    assert newest(three_saved)[0] is None


def test_one_that_was_only_being_written_is_none(three_saved: Path) -> None:
    (three_saved / "step-0000000003").rename(three_saved / ".step-0000000003.abc")
    assert newest(three_saved) == (2, [])


@pytest.mark.usefixtures("at_once")
def test_a_full_disk_is_a_note_and_the_training_goes_on(
    stored: Callable[[], Source],
    tmp_path: Path,
    progress: Remembering,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saves = itertools.count()

    def full(*_: object) -> None:
        if next(saves) > 0:
            raise OSError(errno.ENOSPC, "No space left on device")

    def save_file(tensors: dict[str, Tensor], file: Path) -> None:
        full()
        usual(tensors, file)

    usual = checkpointing.save_file
    monkeypatch.setattr(checkpointing, "save_file", save_file)
    with Checkpointer(tmp_path / "c", {}, minutes=0) as checkpoints:
        (trained,) = train_together(
            [run()], stored(), VECTORS, progress=progress, checkpointer=checkpoints
        )
    assert next(saves) > 2
    assert_same(whole([run()], stored()), [trained])
    full_notes = [note for note in progress.notes if "the disk is full" in note]
    assert len(full_notes) == 1  # of many
    assert "Training goes on" in full_notes[0]
    assert [path.name for path in checkpoint.all_checkpoints(tmp_path / "c")] == ["step-0000000002"]
    assert not list((tmp_path / "c").glob(".*"))


@pytest.mark.usefixtures("at_once")
def test_the_size_is_told_once(
    stored: Callable[[], Source], tmp_path: Path, progress: Remembering
) -> None:
    with Checkpointer(tmp_path / "c", {}, minutes=0) as checkpoints:
        train_together([run()], stored(), VECTORS, progress=progress, checkpointer=checkpoints)
    (note,) = progress.notes
    (newest, _) = checkpoint.all_checkpoints(tmp_path / "c")
    size = (newest / checkpoint.TENSORS).stat().st_size
    assert f"A checkpoint of {size / 1e6:.1f} MB is saved" in note


def test_a_pause_saves_before_it_holds(
    stored: Callable[[], Source], tmp_path: Path, progress: Remembering
) -> None:
    progress.interrupted = True
    progress.raises[5] = Killed()
    with pytest.raises(Killed), Checkpointer(tmp_path / "c", {}, minutes=60) as checkpoints:
        train_together([run()], stored(), VECTORS, progress=progress, checkpointer=checkpoints)
    assert checkpoint.newest_record(tmp_path / "c").step == 6  # type: ignore[union-attr]


def test_another_stream_is_refused(
    make_set: MakeSet, sparse_data: Tensor, stored: Callable[[], Source], tmp_path: Path
) -> None:
    with contextlib.suppress(AssertionError):
        interrupted([run()], stored, tmp_path / "c", (5, Cancelled()), (9, Cancelled()))
    fewer = make_set(sparse_data[: VECTORS - 1], name="fewer")
    source = StoredBatches([fewer], torch.arange(VECTORS - 1), BATCH, 3, memory_bytes=200 * 48)
    saved = load_newest_checkpoint(tmp_path / "c", print)
    assert saved is not None
    with pytest.raises(UserError, match="saved with rows 700, not 699"):
        train_together([run()], source, VECTORS - 1, saved=saved)

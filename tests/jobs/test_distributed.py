"""A training job on two devices, which on the CPU are two processes that torchrun starts."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil
import pytest
import torch

from engine.activations.store.manifest import Manifest
from engine.activations.store.writer import ActivationWriter
from engine.errors import UserError
from engine.jobs.kinds import Train
from engine.jobs.run import run
from engine.progress import SILENT, Cancelled, Silent
from engine.sae.formats.store import load_sae
from engine.workspace.folders import Workspace

ALONE = Train(name="sae", activations="set", width=64, k=4, tokens=6_000, batch=200, device="cpu")
TWO = msgspec.structs.replace(ALONE, devices=2)
SMOOTH: dict[str, object] = {"arch": "relu", "k": None}
"""Without a choice among features that a rounding may turn, and all that follows with it."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """One with an activation set."""
    workspace = Workspace.at(tmp_path)
    generator = torch.Generator().manual_seed(0)
    about = Manifest(model="m", site="resid_post.1", d_model=12, dtype="float32")
    with ActivationWriter(workspace.activations("set"), about, ["a"]) as writer:
        for document in torch.randn(2_000, 12, generator=generator).split(100):
            writer.add(document, torch.zeros(100, dtype=torch.int64), text="a")
    return workspace


class Watching(Silent):
    """Remembers the training steps that it is told of, and at one of them does something."""

    def __init__(self, at: int = 0, do: Callable[[], None] = lambda: None) -> None:
        self.at, self.do = at, do
        self.steps: list[int] = []

    def __call__(
        self,
        phase: str,
        done: int,
        total: int | None = None,
        unit: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        if phase == "train":
            self.steps.append(done)
            if done == self.at:
                self.do()


def cancel() -> None:
    raise Cancelled


def ranks() -> dict[str, psutil.Process]:
    """The processes that torchrun has started, by their ranks; those that are ending are not."""
    found = {}
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if (rank := process.environ().get("RANK")) is not None:
                found[rank] = process
    return found


def kill_the_second() -> None:
    """Kill the process of rank 1, with no word to anybody."""
    ranks()["1"].kill()


def test_it_is_cancelled_and_goes_on_with_another_number_of_devices(workspace: Workspace) -> None:
    whole = run(msgspec.structs.replace(ALONE, name="whole", **SMOOTH), workspace, SILENT)
    before, after = Watching(11, cancel), Watching()
    with pytest.raises(Cancelled):
        run(msgspec.structs.replace(TWO, shards=2, **SMOOTH), workspace, before)
    resumed = run(msgspec.structs.replace(TWO, resume=True, **SMOOTH), workspace, after)
    assert before.steps + after.steps == list(range(1, 31))
    # the gap is the difference of two L0s near each other, each right to a hundredth of itself
    expected, found = dict(whole.metrics), dict(resumed.metrics)
    del expected["l0_gap"]
    assert found.pop("l0_gap") == pytest.approx(found["l0"] - found["training_l0"])
    assert found == pytest.approx(expected, rel=1e-2, abs=1e-2)
    one, two = (load_sae(workspace.sae(name))[0].state_dict() for name in ("whole", "sae"))
    for name, weight in one.items():
        torch.testing.assert_close(two[name], weight, rtol=1e-3, atol=1e-3)


def test_a_process_that_dies_ends_the_others_with_a_sentence(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="ended unexpectedly") as failed:
        run(TWO, workspace, Watching(5, kill_the_second))
    assert "--resume" in failed.value.do
    assert not workspace.sae("sae").exists()
    assert not ranks()


def test_what_a_process_refuses_is_told_as_it_says_it(workspace: Workspace) -> None:
    diverging = msgspec.structs.replace(TWO, arch="seed-basic", k=None, lr=1e30)
    with pytest.raises(UserError, match="step") as failed:
        run(diverging, workspace, SILENT)
    assert "sae-before-divergence" in failed.value.do
    assert workspace.sae("sae-before-divergence").exists()


def test_what_two_devices_cannot_share_is_refused_before_they_start(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="batch of 201"):
        run(msgspec.structs.replace(TWO, batch=201), workspace, Watching(1, cancel))

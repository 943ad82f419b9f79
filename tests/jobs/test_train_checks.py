"""What is said against a training before it is queued, and that nothing is lost by it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from engine.activations.store.manifest import MANIFEST, Manifest
from engine.activations.store.writer import ActivationWriter
from engine.errors import UserError
from engine.jobs.kinds import Train
from engine.jobs.kinds.train import TrainingStart, newest_start
from engine.sae.training.checkpoint import newest_record
from engine.sae.training.checkpointer import Checkpointer
from engine.workspace.folders import Workspace

STREAM = {"model": "demo", "site": "resid_post.1", "texts": [__file__]}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """With the activation sets a, b (aligned with it) and empty."""
    workspace = Workspace.open(tmp_path / "ws")
    for name, site in (("a", "resid_post.1"), ("b", "mlp_out.1")):
        about = Manifest(model="m", site=site, d_model=12, dtype="float32")
        with ActivationWriter(workspace.activations(name), about, ["x"]) as writer:
            writer.add(torch.zeros(300, 12), torch.zeros(300, dtype=torch.int64), text="x")
    workspace.activations("empty").mkdir()
    nothing = msgspec.json.encode(Manifest(model="m", site="", d_model=12, dtype="float32"))
    (workspace.activations("empty") / MANIFEST).write_bytes(nothing)
    return workspace


def save(spec: Train, workspace: Workspace) -> Path:
    """Leave what an interrupted training leaves."""
    folder = workspace.checkpoints(spec.name)
    about = msgspec.to_builtins(TrainingStart(spec=spec, run={}, data={}))
    with Checkpointer(folder, about) as checkpoints:
        checkpoints.save(1200, 10_000, {"x": torch.zeros(3)})
    return folder


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"activations": "nothing"}, "no activation set 'nothing'"),
        ({"activations": "empty"}, "no activations to train on"),
        ({"activations": "a", "k": 0}, "k is 0"),
        ({"activations": "a", "k": 9, "width": 8}, "k is 9, but the autoencoder has only 8"),
        ({"activations": "a", "arch": "jumprelu", "k": 9, "width": 8}, "k is 9, but"),
        ({"activations": "a", "arch": "relu", "k": 9}, "relu has no k"),
        ({"activations": "a", "l1": 1.0}, "topk has no L1"),
        ({"activations": "a", "arch": "relu", "l1": float("nan")}, "l1 is nan"),
        ({"activations": "a", "width": 0}, "is 0"),
        ({"activations": "a", "batch": 0}, "The batch is 0"),
        ({"activations": "a", "tokens": -1}, "tokens is -1"),
        ({"activations": "a", "lr": 0.0}, "learning rate of 0.0"),
        ({"activations": "a", "lr": float("nan")}, "learning rate of nan"),
        ({"activations": "a", "lr": float("inf")}, "learning rate of inf"),
        ({"activations": "a", "arch": "vanilla"}, "no architecture 'vanilla'"),
        ({"activations": "a", "preset": "best"}, "no preset 'best'"),
        ({"activations": "a", "arch": "relu", "preset": "gao2024"}, "for topk, not for relu"),
        ({"activations": "a", "skip": True}, "skip connection is for transcoders"),
        ({"activations": "a", "target": "nothing"}, "no activation set 'nothing'"),
        ({"activations": "a", "target": "b", "arch": "seed-basic"}, "reconstructs what it reads"),
        ({"activations": "a", "checkpoint_minutes": -1.0}, "--checkpoint-minutes is -1"),
        ({"activations": "a", "model": "demo"}, "not both"),
        ({"activations": "a", "context": 12}, "not both"),
        ({}, "nothing to learn from"),
        ({"model": "demo", "texts": [__file__]}, "nothing to learn from"),
        ({**STREAM, "site": "resid_mid.1"}, "resid_mid"),
        ({**STREAM, "target_site": "there"}, "there"),
        ({**STREAM, "texts": []}, "--text or --dataset"),
        ({**STREAM, "dataset": "x"}, "--text or --dataset"),
        ({**STREAM, "texts": ["/nowhere.txt"]}, "no file /nowhere.txt"),
        ({**STREAM, "target": "b"}, "--target is an activation set"),
        ({**STREAM, "k": 0}, "k is 0"),
        ({"activations": "a", "resume": True}, "no checkpoint of a training 'x'"),
    ],
)
def test_mistakes_are_named(workspace: Workspace, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Train(name="x", **settings).check(workspace)


@pytest.mark.parametrize(
    "settings",
    [
        {"activations": "a"},
        {"activations": "a", "target": "b", "skip": True, "arch": "batchtopk"},
        {"activations": "a", "arch": "jumprelu", "k": 9},
        {"activations": "a", "arch": "gated", "l1": 0.0},
        STREAM,
        {**STREAM, "target_site": "mlp_out.2", "k": 4000},
    ],
)
def test_what_can_be_meant_is_not_refused(workspace: Workspace, settings: dict[str, Any]) -> None:
    Train(name="x", **settings).check(workspace)


def test_a_training_reads_both_of_its_sets(workspace: Workspace) -> None:
    spec = Train(name="x", activations="a", target="b")
    assert spec.reads(workspace) == {workspace.activations("a"), workspace.activations("b")}
    assert Train(name="x", **STREAM).reads(workspace) == set()


def test_what_was_begun_is_gone_on_with_or_given_up_in_so_many_words(workspace: Workspace) -> None:
    spec = Train(name="x", activations="a", lr=1e-3)
    folder = save(spec, workspace)
    with pytest.raises(UserError, match=r"step 1,200 of 10,000.*--resume.*--replace"):
        spec.check(workspace)
    for allowed in ({"resume": True}, {"replace": True}, {"resume": True, "device": "cuda:1"}):
        msgspec.structs.replace(spec, **allowed).check(workspace)
    assert newest_record(folder) is not None
    assert newest_start("x", workspace)[0].spec == spec


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"lr": 2e-3}, r"begun with --lr 0.001, and can't go on with --lr 0.002"),
        ({"k": 3}, r"begun with no --k, and can't go on with --k 3"),
        ({"skip": True}, r"begun with no --skip, and can't go on with --skip"),
        ({"activations": "b"}, r"--activations a, and can't go on with --activations b"),
        ({"arch": "batchtopk"}, r"--arch topk, and can't go on with --arch batchtopk"),
        ({"seed": 4}, r"--seed 0, and can't go on with --seed 4"),
    ],
)
def test_a_changed_setting_is_named_and_nothing_is_lost(
    workspace: Workspace, changed: dict[str, Any], said: str
) -> None:
    spec = Train(name="x", activations="a", lr=1e-3)
    folder = save(spec, workspace)
    with pytest.raises(UserError, match=said):
        msgspec.structs.replace(spec, resume=True, **changed).check(workspace)
    assert newest_record(folder) is not None


def test_without_a_checkpoint_it_begins_again(workspace: Workspace) -> None:
    spec = Train(name="x", activations="a", resume=True)
    assert spec.resumed_spec(workspace) == Train(name="x", activations="a")
    save(spec, workspace)
    assert Train(name="x", activations="a").resumed_spec(workspace) == spec


def test_a_checkpoint_of_another_version_is_told_from_a_bug(workspace: Workspace) -> None:
    with Checkpointer(workspace.checkpoints("x"), {"spec": {"kind": "train"}}) as checkpoints:
        checkpoints.save(1, 2, {"x": torch.zeros(3)})
    with pytest.raises(UserError, match="can't be understood"):
        Train(name="x", activations="a", resume=True).check(workspace)

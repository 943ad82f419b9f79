"""The training job, in this process: what it keeps when something goes wrong, and what it makes."""

import errno
import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from engine.activations.capture.documents import capture_documents
from engine.errors import UserError
from engine.jobs.kinds import Train
from engine.jobs.work.train_sae import train_sae
from engine.model.load import load_model
from engine.model.site import parse_site
from engine.progress import SILENT, Cancelled, Silent
from engine.sae.formats.store import load_sae
from engine.sae.training import checkpointer as checkpointing
from engine.sae.training.checkpoint import newest_record
from engine.workspace.folders import Workspace
from tests.noting import Noting

torch.set_num_threads(1)

TEXTS = [f"Once there was a {animal} named {n}." for n in range(40) for animal in ("dog", "cat")]
CONTRACT = {"loss", "fvu", "explained_variance", "l0", "dead_fraction"}
OF_THE_MODEL = {"ce_score", "delta_ce", "kl"}


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory, tiny_llama_path: Path) -> Path:
    """A workspace with two sets of the same tokens."""
    workspace = Workspace.open(tmp_path_factory.mktemp("train") / "ws")
    lm = load_model(str(tiny_llama_path), device="cpu")
    sites = {"read": parse_site("resid_post.0"), "written": parse_site("mlp_out.2")}
    folders = [workspace.activations(name) for name in sites]
    capture_documents(lm, TEXTS, list(sites.values()), folders, origin="texts")
    return workspace.root


@pytest.fixture
def workspace(captured: Path, tmp_path: Path) -> Workspace:
    """A workspace of its own that has the sets, too."""
    workspace = Workspace.open(tmp_path / "ws")
    for name in ("read", "written"):
        workspace.activations(name).symlink_to(captured / "activations" / name)
    return workspace


def spec(**other: Any) -> Train:
    settings = {"activations": "read", "width": 48, "tokens": 6400, "batch": 64, "device": "cpu"}
    return Train(name="x", **{**settings, **other})


def test_an_sae_is_made_measured_and_its_checkpoints_go(workspace: Workspace) -> None:
    progress = Noting(50)
    with pytest.raises(Cancelled):
        train_sae(spec(), workspace, progress)
    assert newest_record(workspace.checkpoints("x")).step == 51  # type: ignore[union-attr]
    progress.step = None
    made = train_sae(spec(resume=True), workspace, progress)
    assert not workspace.checkpoints("x").exists()
    assert (made.steps, made.tokens, made.d_in, made.d_sae) == (100, 6400, 32, 48)
    assert made.split == "trained_on"  # of so few vectors nothing is held out
    assert made.metrics.keys() >= CONTRACT | OF_THE_MODEL
    _, metadata = load_sae(workspace.sae("x"))
    assert metadata.metrics == made.metrics
    assert (metadata.activations, metadata.trained_tokens) == ("read", 6400)
    assert progress.has("step 51")


def test_a_transcoder_of_two_sets_and_one_of_a_stream(
    workspace: Workspace, tiny_llama_path: Path, tmp_path: Path
) -> None:
    made = train_sae(spec(target="written", skip=True), workspace, SILENT)
    assert made.metrics.keys() >= CONTRACT | OF_THE_MODEL
    sae, metadata = load_sae(workspace.sae("x"))
    assert (sae.config.d_out, sae.config.skip) == (32, True)
    assert (metadata.site, metadata.target_site) == ("resid_post.0", "mlp_out.2")
    assert (metadata.activations, metadata.target) == ("read", "written")

    texts = tmp_path / "texts.txt"
    texts.write_text("\n\n".join(TEXTS))
    streamed = spec(
        activations="",
        model=str(tiny_llama_path),
        site="resid_post.0",
        target_site="mlp_out.2",
        texts=[str(texts)],
        skip=True,
        replace=True,
    )
    again = train_sae(streamed, workspace, SILENT)
    assert again.split == "held_out"
    assert again.metrics.keys() == made.metrics.keys()
    assert again.metrics["fvu"] == pytest.approx(made.metrics["fvu"], rel=0.5)
    _, metadata = load_sae(workspace.sae("x"))
    assert (metadata.site, metadata.target_site) == ("resid_post.0", "mlp_out.2")
    assert (metadata.model, metadata.activations) == (str(tiny_llama_path), "")


def test_what_comes_before_the_first_step_is_told(workspace: Workspace) -> None:
    phases: list[str] = []

    class Listening(Silent):
        def __call__(self, phase: str, done: int, *_: Any) -> None:
            phases.append(phase)

    train_sae(spec(tokens=640), workspace, Listening())
    assert phases[phases.index("train") - 1] == "prepare the first step"


def test_sets_of_other_tokens_make_no_transcoder(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="same site"):
        train_sae(spec(target="read"), workspace, SILENT)


@pytest.mark.parametrize("lr", [1e30, 1e3])
def test_a_run_that_diverges_leaves_its_last_good_weights_and_checkpoint(
    workspace: Workspace, lr: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpointing.Checkpointer, "due", lambda _: True)
    wild = spec(arch="seed-basic", lr=lr, tokens=64 * 400)
    with pytest.raises(UserError, match=r"at step \d+.*are kept as x-before-divergence"):
        train_sae(wild, workspace, SILENT)
    sae, _ = load_sae(workspace.sae("x-before-divergence"))
    assert sae(torch.zeros(2, 32)).isfinite().all()
    assert not workspace.sae("x").exists()


def test_a_full_disk_at_the_end_loses_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = itertools.chain([True], itertools.repeat(False))
    monkeypatch.setattr(checkpointing.Checkpointer, "due", lambda _: next(once))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("engine.sae.formats.tensors.save_file", full)
        with pytest.raises(OSError, match="No space"):
            train_sae(spec(), workspace, SILENT)
    assert newest_record(workspace.checkpoints("x")) is not None
    assert not workspace.sae("x").exists()
    train_sae(spec(resume=True), workspace, SILENT)
    assert workspace.sae("x").exists()


def test_what_was_saved_before_it_ended_is_only_measured(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise Cancelled

    with monkeypatch.context() as patch:
        patch.setattr("engine.jobs.work.train_sae.measure_sae", killed)
        with pytest.raises(Cancelled):
            train_sae(spec(), workspace, SILENT)
    resumed = spec().resumed_spec(workspace)
    resumed.check(workspace)
    progress = Noting(1)  # a step would end it
    made = train_sae(resumed, workspace, progress)
    assert made.metrics.keys() >= CONTRACT | OF_THE_MODEL
    with monkeypatch.context() as patch:
        patch.setattr("engine.jobs.work.train_sae.measure_sae", killed)
        assert train_sae(resumed, workspace, progress) == made
    other = msgspec.structs.replace(resumed, k=3)
    with pytest.raises(UserError, match="No checkpoint of x is whole"):
        train_sae(other, workspace, progress)


def test_replacing_keeps_the_old_one_until_the_new_one_is_whole(workspace: Workspace) -> None:
    train_sae(spec(), workspace, SILENT)
    old = (workspace.sae("x") / "brainsurg.json").read_bytes()
    with pytest.raises(Cancelled):
        train_sae(spec(k=3, replace=True), workspace, Noting(50))
    assert (workspace.sae("x") / "brainsurg.json").read_bytes() == old
    train_sae(spec(k=3, replace=True, resume=True), workspace, SILENT)
    assert load_sae(workspace.sae("x"))[0].config.k == 3

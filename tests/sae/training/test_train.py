"""Training: it learns, repeats itself, tells what it does, and stops as it should."""

import itertools
import math
import re
from pathlib import Path

import msgspec
import pytest
import torch
from torch import Tensor

from engine.errors import UserError
from engine.progress import Cancelled
from engine.sae.architectures.base import SparseAutoencoder, StepInput, StepLosses
from engine.sae.architectures.registry import build, class_of
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.evaluation.reconstruction import evaluate
from engine.sae.evaluation.vectors import StoredVectors
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import load_sae, save_sae
from engine.sae.recipes import recipe
from engine.sae.training import memory
from engine.sae.training.divergence import PATIENCE, DivergenceWatch, TrainingDiverged
from engine.sae.training.loop import train
from engine.sae.training.trainer import Trainer
from engine.sae.traits import ARCHITECTURES
from tests.sae.conftest import MakeSet, Remembering

TOPK = SAEConfig(architecture="topk", d_in=12, d_sae=48, k=4)
SHORT = TrainConfig(tokens=2_000, batch=100, lr=5e-3, dead_after=400, aux=1 / 32, held_out=0.2)


def test_topk_finds_what_the_data_are_made_of(make_set: MakeSet, sparse_data: Tensor) -> None:
    acts = make_set(sparse_data)
    # as many features as there are directions: of more, some are left without any
    config, training = recipe("topk", 12, len(acts), width=24, k=4, tokens=80_000)
    trained = train(config, msgspec.structs.replace(training, held_out=0.2), acts)
    metrics = evaluate(trained.sae, StoredVectors(acts, trained.held_rows)).metrics
    assert metrics.explained_variance > 0.9
    assert metrics.dead_fraction < 0.1
    assert 0 < metrics.l0 <= 4
    torch.testing.assert_close(trained.sae.W_dec.norm(dim=1), torch.ones(24))


def test_whole_documents_are_held_out(make_set: MakeSet, sparse_data: Tensor) -> None:
    held = train(TOPK, SHORT, make_set(sparse_data, length=40)).held_rows
    assert len(held) == 800
    assert torch.equal(held.view(-1, 40) // 40, held.view(-1, 40)[:, :1].expand(-1, 40) // 40)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_same_seed_gives_the_same_bytes(
    make_set: MakeSet, sparse_data: Tensor, architecture: str
) -> None:
    acts = make_set(sparse_data[:400])
    states = []
    for seed in (5, 5, 6):
        torch.manual_seed(len(states))  # what others draw must not matter
        config, training = recipe(architecture, 12, 400, width=24, tokens=2_000, seed=seed)
        states.append(train(config, training, acts).sae.state_dict())
    first, again, other = states
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_step_is_told_in_raw_units(
    make_set: MakeSet, sparse_data: Tensor, progress: Remembering, architecture: str
) -> None:
    sae, training = recipe(architecture, 12, 400, width=48, tokens=400 * 5, batch=400, lr=1e-9)
    training = msgspec.structs.replace(training, warmup=0, decay=0, schedule="linear")
    acts = make_set(sparse_data[:400])  # whole epochs, and no learning
    trained = train(sae, training, acts, progress=progress)
    assert [step[:3] for step in progress.trained] == [("train", n, 5) for n in range(1, 6)]
    measured = evaluate(trained.sae, StoredVectors(acts, torch.arange(400))).metrics
    for _, done, _, told in progress.trained:
        assert told["mse"] == pytest.approx(measured.mse, rel=1e-3)
        assert told["fvu"] == pytest.approx(measured.fvu, rel=1e-3)
        assert told["l0"] == pytest.approx(measured.l0, rel=1e-2)
        assert told["lr"] == pytest.approx(1e-9)
        assert told["tokens"] == done * 400
        assert told["tokens_per_second"] > 0
        assert (told["seconds_left"] > 0) == (done < 5)
        assert {"loss", "dead_fraction", "grad_norm"} <= told.keys()
    assert trained.metrics.items() <= progress.trained[-1][3].items()


def test_the_rate_rises_and_falls(
    make_set: MakeSet, sparse_data: Tensor, progress: Remembering
) -> None:
    config = msgspec.structs.replace(SHORT, warmup=0.25, decay=0.5, lr=1.0, tokens=800)
    train(TOPK, config, make_set(sparse_data), progress=progress)
    rates = [metrics["lr"] for *_, metrics in progress.trained]
    assert rates == pytest.approx([0.5, 1, 1, 1, 1, 0.75, 0.5, 0.25])


def test_the_rate_is_halved_on_a_plateau(
    make_set: MakeSet, sparse_data: Tensor, progress: Remembering
) -> None:
    config = TrainConfig(tokens=400 * 12, batch=200, lr=0.5, schedule="plateau", patience=1)
    sae = SAEConfig(architecture="seed-basic", d_in=12, d_sae=8)
    train(sae, config, make_set(sparse_data[:400]), progress=progress)
    rates = [metrics["lr"] for *_, metrics in progress.trained]
    assert rates[0] == 0.5
    assert rates[-1] < rates[0] / 2
    assert all(b in (a, a / 2) for a, b in itertools.pairwise(rates))


def test_a_loss_that_runs_away_stops_the_run_and_keeps_a_good_state(
    make_set: MakeSet, sparse_data: Tensor
) -> None:
    sae = SAEConfig(architecture="seed-basic", d_in=12, d_sae=8)
    config = TrainConfig(tokens=4_000, batch=100, lr=1e30)
    with pytest.raises(TrainingDiverged) as stopped:
        train(sae, config, make_set(sparse_data))
    error = stopped.value
    assert f"step {error.step}" in str(error)
    assert error.good_step < error.step < 40
    assert math.isfinite(error.sae(sparse_data).square().mean().item())


def test_weights_that_the_last_step_ruined_are_not_handed_out(
    make_set: MakeSet, sparse_data: Tensor
) -> None:
    sae = SAEConfig(architecture="seed-basic", d_in=12, d_sae=8)
    config = TrainConfig(tokens=100, batch=100, lr=1e39)
    with pytest.raises(TrainingDiverged) as stopped:
        train(sae, config, make_set(sparse_data))
    assert stopped.value.sae(sparse_data).isfinite().all()


def test_an_error_that_stays_far_above_its_best_stops_the_run_too(
    make_set: MakeSet, sparse_data: Tensor
) -> None:
    config = TrainConfig(tokens=100_000, batch=100, lr=1e-3)
    wild = msgspec.structs.replace(config, lr=30.0)
    with pytest.raises(TrainingDiverged, match="far above its best") as stopped:
        train(TOPK, wild, make_set(sparse_data))
    error = stopped.value
    assert PATIENCE <= error.step < 1000
    kept = (error.sae(sparse_data) - sparse_data).square().sum()
    assert kept < 2 * (sparse_data - sparse_data.mean(0)).square().sum()


def test_a_bad_moment_is_no_divergence() -> None:
    watch = DivergenceWatch()
    for step in range(2000):
        bad = step % PATIENCE  # as long as can be on end
        assert not watch.check(1.0, 1000.0 if bad else 0.1)
    for _ in range(PATIENCE - 1):
        assert not watch.check(1.0, 1.1)  # within ten times the best, or below what the mean is
        assert not watch.in_doubt
    assert watch.check(math.nan, 0.1)


@pytest.mark.parametrize("architecture", ["topk", "batchtopk", "seed-basic"])
def test_a_batch_is_split_where_memory_is_short_and_it_is_said_once(
    make_set: MakeSet,
    sparse_data: Tensor,
    progress: Remembering,
    monkeypatch: pytest.MonkeyPatch,
    architecture: str,
) -> None:
    acts = make_set(sparse_data[:400])
    errors = itertools.cycle([MemoryError(), RuntimeError("can't allocate memory: 9 bytes")])
    sae, training = recipe(architecture, 12, 400, width=48, tokens=1000, batch=100)
    whole = train(sae, training, acts)
    kind = class_of(architecture)
    usual = kind.training_step

    def short(self: SparseAutoencoder, step: StepInput, config: TrainConfig) -> StepLosses:
        losses = usual(self, step, config)  # some of the gradients are there already
        if step.parts < 4:
            raise next(errors)
        return losses

    monkeypatch.setattr(kind, "training_step", short)
    split = train(sae, training, acts, progress=progress)
    for name, tensor in whole.sae.state_dict().items():
        torch.testing.assert_close(split.sae.state_dict()[name], tensor, rtol=1e-4, atol=1e-5)
    assert [note for note in progress.notes if "Memory is short" in note] == [
        note for note in progress.notes if "in 4 parts" in note
    ]


def test_a_bug_is_no_shortage(
    make_set: MakeSet, sparse_data: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(class_of("topk"), "training_step", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        train(TOPK, SHORT, make_set(sparse_data))


def test_cancelling_stops_at_once(
    make_set: MakeSet, sparse_data: Tensor, progress: Remembering
) -> None:
    progress.raises[3] = Cancelled()
    with pytest.raises(Cancelled):
        train(TOPK, SHORT, make_set(sparse_data), progress=progress)
    assert progress.steps[-1][1] == 3


def test_fewer_vectors_than_features_memorise_and_it_is_said(
    make_set: MakeSet, sparse_data: Tensor, progress: Remembering
) -> None:
    train(TOPK, SHORT, make_set(sparse_data[:40]), progress=progress)
    assert any("40 training vectors for 48 features" in note for note in progress.notes)
    assert any("nothing is held out" in note for note in progress.notes)


def test_activations_of_another_width_are_refused(make_set: MakeSet, sparse_data: Tensor) -> None:
    with pytest.raises(UserError, match="11 wide, not 12"):
        train(TOPK, SHORT, make_set(sparse_data[:, :11], name="narrow"))


def test_identical_vectors_are_trained_on_without_harm(make_set: MakeSet) -> None:
    trained = train(TOPK, SHORT, make_set(torch.ones(200, 12)))
    assert trained.sae(torch.ones(3, 12)).isfinite().all()


def test_memory_is_weighed_before_anything_is_allocated(
    make_set: MakeSet,
    sparse_data: Tensor,
    progress: Remembering,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    acts = make_set(sparse_data)
    huge = SAEConfig(architecture="seed-basic", d_in=12, d_sae=4_000_000)
    with pytest.raises(UserError, match=re.escape("is 64000.0 GB")):
        train(huge, SHORT, acts)

    study = SAEConfig(architecture="seed-basic", d_in=1152, d_sae=24_576)
    monkeypatch.setattr(memory, "free_bytes", lambda device: 100 << 30)
    memory.check_memory([study], 32, torch.device("cpu"), progress)
    assert len(progress.notes) == 1
    assert "24576 × 24576), is 2.4 GB" in progress.notes[0]
    memory.check_memory([TOPK], 32, torch.device("cpu"), progress)
    assert len(progress.notes) == 1


def test_dead_features_come_back_for_the_auxiliary_loss(sparse_data: Tensor) -> None:
    alive = {}
    for aux in (0.0, 1 / 32):
        sae = build(TOPK)
        with torch.no_grad():
            sae.b_enc[:30] = -3  # of 48: above 0 now and then, not among the best four
        config = TrainConfig(tokens=20_000, batch=100, lr=2e-3, aux=aux, dead_after=500)
        trainer = Trainer(sae, config, sparse_data, len(sparse_data))
        for step in range(200):
            trainer.step(sparse_data[step * 100 % 4000 :][:100])
        acts = trainer.finish().encode(sparse_data)
        alive[aux] = int((acts > 0).any(0).sum())
    assert alive[1 / 32] >= alive[0.0] + 8


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_activations_whose_squares_overflow_are_trained_on_or_refused(
    make_set: MakeSet, sparse_data: Tensor, progress: Remembering, architecture: str
) -> None:
    usual = make_set(sparse_data[:400])
    acts = make_set(sparse_data[:400] * 1e30, name="huge")
    sae, training = recipe(architecture, 12, 400, width=48, tokens=400 * 40)
    if not class_of(architecture).normalises_scale:
        with pytest.raises(UserError, match="beyond float32"):
            train(sae, training, acts)
        return
    trained = train(sae, training, acts, progress=progress)
    same = train(sae, training, usual)
    assert trained.metrics["fvu"] == pytest.approx(same.metrics["fvu"], rel=0.1)
    measured = evaluate(trained.sae, StoredVectors(acts, torch.arange(400))).metrics
    assert measured.explained_variance > 0
    assert all(math.isfinite(metrics["mse"]) for *_, metrics in progress.trained)
    assert trained.metrics["mse"] == pytest.approx(same.metrics["mse"] * 1e60, rel=0.1)


def test_a_threshold_beyond_all_numbers_ends_a_training_with_good_weights(
    make_set: MakeSet, sparse_data: Tensor, tmp_path: Path
) -> None:
    sae = SAEConfig(architecture="jumprelu", d_in=12, d_sae=48)
    config = TrainConfig(tokens=20_000, batch=100, lr=30, target_l0=4)
    with pytest.raises(TrainingDiverged, match="A weight or a threshold") as stopped:
        train(sae, config, make_set(sparse_data))
    save_sae(stopped.value.sae, tmp_path / "good", SAEMetadata())
    loaded, _ = load_sae(tmp_path / "good")
    assert loaded(sparse_data).isfinite().all()


def test_an_sae_that_could_not_be_read_again_is_not_saved(tmp_path: Path) -> None:
    sae = build(SAEConfig(architecture="jumprelu", d_in=12, d_sae=48), seed=0)
    with torch.no_grad():
        dict(sae.named_parameters())["log_threshold"][3] = 89.0  # e^89 is beyond fp32
    with pytest.raises(UserError, match="no finite numbers"):
        save_sae(sae, tmp_path / "s", SAEMetadata())
    assert not (tmp_path / "s").exists()

"""What is known of an architecture stands in one place, and is all that a new one needs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from engine.errors import UserError
from engine.sae import traits
from engine.sae.architectures.base import SparseAutoencoder, StepInput, StepLosses
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import load_sae, save_sae
from engine.sae.recipes import recipe
from engine.sae.training.loop import train
from engine.sae.traits import ARCHITECTURES, Traits, Words, register, takers
from tests.sae.conftest import MakeSet, Remembering

README = Path(__file__).resolve().parents[3] / "README.md"


class Tied(SparseAutoencoder):
    """acts = relu(x @ W), x̂ = acts @ Wᵀ, with an L1 penalty, by autograd."""

    def __init__(self, config: SAEConfig) -> None:
        super().__init__(config)
        self.W = nn.Parameter(torch.randn(config.d_in, config.d_sae) / config.d_in**0.5)

    @property
    def W_dec(self) -> Tensor:  # noqa: N802
        return self.W.T

    @property
    def b_dec(self) -> Tensor:
        return self.W.new_zeros(self.config.d_in)

    def encode(self, x: Tensor) -> Tensor:
        return (x.float() @ self.W).relu()

    def initialise(self, sample: Tensor, target: Tensor) -> None:
        pass

    def training_step(self, step: StepInput, config: TrainConfig) -> StepLosses:
        with torch.enable_grad():
            acts = self.encode(step.x)
            error = (self.decode(acts) - step.target).square().sum()
            loss = error / len(step.x) + config.l1 * acts.sum()
        loss.backward()
        return StepLosses(loss.detach(), error.detach(), (acts > 0).sum(0))


@pytest.fixture
def tied() -> Iterator[str]:
    """An architecture that is known for as long as a test takes."""
    register(
        Traits(
            name="tied",
            implementation=f"{__name__}:Tied",
            keeps="all above 0",
            source="a test",
            settings={"l1": Words("L1 penalty", "Its weight.")},
            linear=False,
            defaults=lambda d_in, d_sae: {"lr": 1e-2, "l1": 1e-3},
        )
    )
    yield "tied"
    del traits._REGISTERED["tied"]


def test_a_new_architecture_is_its_class_and_its_traits(
    tied: str, make_set: MakeSet, sparse_data: Tensor, tmp_path: Path, progress: Remembering
) -> None:
    assert tied in ARCHITECTURES
    assert tied in takers("l1")
    assert tied not in takers("k")
    sae, training = recipe(tied, 12, 4000, width=24, tokens=20_000, batch=100)
    assert (training.lr, training.l1) == (1e-2, 1e-3)
    trained = train(sae, training, make_set(sparse_data), progress=progress)
    fvus = [figures["fvu"] for *_, figures in progress.trained]
    assert fvus[-1] < 0.5 * fvus[0]
    save_sae(trained.sae, tmp_path / "saved", SAEMetadata())
    loaded, _ = load_sae(tmp_path / "saved")
    assert torch.equal(loaded.encode(sparse_data), trained.sae.encode(sparse_data))
    with pytest.raises(UserError, match="tied has no k"):
        recipe(tied, 12, 4000, k=3)
    with pytest.raises(UserError, match="reconstructs what it reads"):
        recipe(tied, 12, 4000, d_out=3)


def test_a_name_is_taken_once(tied: str) -> None:
    with pytest.raises(ValueError, match="tied"):
        register(ARCHITECTURES[tied])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_training_reports_the_terms_that_are_named(
    name: str, make_set: MakeSet, sparse_data: Tensor, progress: Remembering
) -> None:
    sae, training = recipe(name, 12, 4000, width=48, tokens=4000, batch=100)
    train(sae, training, make_set(sparse_data), progress=progress)
    usual = {"loss", "mse", "fvu", "l0", "dead_fraction", "grad_norm", "lr"}
    usual |= {"tokens", "tokens_per_second", "seconds_left"}
    reported = {term for *_, figures in progress.trained for term in figures} - usual
    assert reported <= set(ARCHITECTURES[name].loss_terms)
    assert reported | {"aux"} >= set(ARCHITECTURES[name].loss_terms)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_readme_says_what_the_traits_say(name: str) -> None:
    _, table = README.read_text().split("| `--arch` |")
    rows = table.split("\n\n")[0].splitlines()[2:]
    (row,) = (row for row in rows if f"`{name}`" in row.split("|")[1])
    _, _, *cells, _ = (cell.strip().replace("`", "") for cell in row.split("|"))
    told = ARCHITECTURES[name]
    assert cells == [told.keeps, told.minimises, told.source]

"""Several processes train, to round-off, what one trains."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.activations.store.manifest import Manifest
from engine.activations.store.writer import ActivationWriter
from engine.errors import UserError
from engine.sae.config import SAEConfig
from engine.sae.training.devices import check_devices
from engine.sae.traits import ARCHITECTURES
from tests.sae.training.processes import STEPS, in_processes, train_cases, trained

CASES = (*ARCHITECTURES, "transcoder")
SHARED_OUT = [
    *(name for name, traits in ARCHITECTURES.items() if traits.linear),
    "transcoder",
]
IN_TWO = [(case, 1) for case in CASES] + [(case, 2) for case in SHARED_OUT]
IN_FOUR = [("topk", 2), ("batchtopk", 2), ("jumprelu", 2)]
OF_THE_CLOCK = {"tokens_per_second", "seconds_left"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sparse_data: Tensor) -> Path:
    """Two sets of the same tokens, `site` and `target`."""
    folder = tmp_path_factory.mktemp("several")
    for name, acts in (("site", sparse_data), ("target", sparse_data.flip(1).square() / 9)):
        about = Manifest(model="m", site=name, d_model=12, dtype="float32")
        with ActivationWriter(folder / name, about, ["a"]) as writer:
            for document in acts.split(40):
                writer.add(document, torch.zeros(len(document), dtype=torch.int64), text="a")
    return folder


@pytest.fixture(scope="module")
def in_two(folder: Path) -> Path:
    """What two processes have trained: `CASE-SHARDS.pt`."""
    in_processes(2, train_cases, IN_TWO, folder)
    return folder


@pytest.fixture(scope="module")
def in_four(folder: Path) -> Path:
    """What a grid of two by two has trained."""
    out = folder / "four"
    out.mkdir()
    for name in ("site", "target"):
        (out / name).symlink_to(folder / name)
    in_processes(4, train_cases, IN_FOUR, out)
    return out


@pytest.mark.parametrize(("case", "shards"), IN_TWO)
def test_two_processes_train_what_one_trains(case: str, shards: int, in_two: Path) -> None:
    check_as_alone(case, shards, in_two)


@pytest.mark.parametrize(("case", "shards"), IN_FOUR)
def test_vectors_and_features_can_both_be_shared_out(case: str, shards: int, in_four: Path) -> None:
    check_as_alone(case, shards, in_four)


def check_as_alone(case: str, shards: int, folder: Path) -> None:
    weights, figures = torch.load(folder / f"{case}-{shards}.pt")
    alone, told = trained(case, folder)
    assert weights.keys() == alone.keys()
    for name, expected in alone.items():
        torch.testing.assert_close(weights[name], expected, rtol=1e-4, atol=1e-5)
    assert len(figures) == len(told) == STEPS
    for step, expected in zip(figures, told, strict=True):
        measured = expected.keys() - OF_THE_CLOCK
        assert {name: step[name] for name in measured} == pytest.approx(
            {name: expected[name] for name in measured}, rel=1e-4, abs=1e-7
        )


def test_features_that_no_process_has_seen_for_long_are_revived(in_two: Path) -> None:
    for case in ("topk-1", "topk-2", "batchtopk-2", "jumprelu-2"):
        _, figures = torch.load(in_two / f"{case}.pt")
        assert figures[-1]["aux"] > 0
        assert figures[-1]["dead_fraction"] > 0


@pytest.mark.parametrize(
    ("architecture", "batch", "devices", "shards", "about"),
    [
        ("topk", 64, 0, 1, "devices"),
        ("topk", 64, 4, 3, "divides"),
        ("topk", 64, 2, 0, "divides"),
        ("topk", 63, 2, 1, "batch of 63"),
        ("topk", 63, 6, 3, "batch of 63"),
        ("topk", 64, 5, 5, "48 features"),
        ("seed-basic", 64, 2, 2, "seed-basic"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(
    architecture: str, batch: int, devices: int, shards: int, about: str
) -> None:
    k = 4 if architecture == "topk" else None
    sae = SAEConfig(architecture=architecture, d_in=12, d_sae=48, k=k)
    with pytest.raises(UserError, match=about):
        check_devices(sae, batch, devices, shards)

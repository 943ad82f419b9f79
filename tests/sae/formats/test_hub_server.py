"""Fetching by huggingface_hub itself, from a hub on this machine, over a line that drops."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import save_file

from engine.errors import UserError
from engine.model import fetch_file
from engine.progress import SILENT, Cancelled, Silent
from engine.sae.formats.hub import fetch, hub_place
from engine.sae.formats.libraries import read_sae, recognise
from tests.model.hub_server import HubServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SET = "lab/set"
D, N = 64, 256
HALF = 60_000
"""Bytes of the weights, of which there are more than twice as many."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    folder = tmp_path / "hub" / SET
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("model_name: lab/llama\nfeature_input_hook: mlp.hook_in\n")
    shapes = {"W_enc": (N, D), "W_dec": (N, D), "b_enc": (N,), "b_dec": (D,)}
    weights = {name: torch.randn(shape) for name, shape in shapes.items()}
    save_file(weights, folder / "layer_3.safetensors")
    monkeypatch.setattr(fetch_file, "PATIENCE", (0,))
    with HubServer(tmp_path / "hub", COMMIT).run(monkeypatch, tmp_path / "cache") as server:
        yield server


def ranges(hub: HubServer) -> list[str]:
    """The ranges that were asked for of the weights."""
    return [line.rpartition(" ")[2] for line in hub.asked if "safetensors bytes=" in line]


def test_what_is_fetched_is_read_also_without_a_network(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = fetch(hub_place(SET), None, SILENT, layer=3)
    assert str(fetched.place) == f"{SET}/layer_3.safetensors@{COMMIT}"
    sae, about = read_sae(*recognise(fetched.path, None))
    assert (sae.config.d_sae, about.site) == (N, "mlp_in.3")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    hub.asked.clear()
    assert fetch(hub_place(SET), None, SILENT, layer=3) == fetched
    assert hub.asked == []
    with pytest.raises(UserError, match=r"layer_4.*not on this machine.*as HF_HUB_OFFLINE is set"):
        fetch(hub_place(f"{SET}/layer_4.safetensors"), None, SILENT)


def test_what_is_here_is_read_while_the_hub_is_down(hub: HubServer) -> None:
    place = hub_place(f"{SET}/layer_3.safetensors")
    fetched = fetch(place, None, SILENT)
    hub.refuses[SET] = (503, "")
    assert fetch(place, None, SILENT) == fetched


def test_a_download_that_is_cut_off_goes_on_where_it_stopped(hub: HubServer) -> None:
    hub.gives = [HALF, 0, 0]
    place = hub_place(f"{SET}/layer_3.safetensors")
    with pytest.raises(UserError, match=r"was cut off\. Import it again: it goes on"):
        fetch(place, None, SILENT)
    hub.gives, hub.asked = [], []
    fetched = fetch(place, None, SILENT)
    assert ranges(hub) == [f"bytes={HALF}-"]
    assert read_sae(*recognise(fetched.path, None))[0].config.d_in == D


def test_one_that_is_cancelled_goes_on_too(hub: HubServer) -> None:
    class Stop(Silent):
        def __call__(
            self,
            phase: str,
            done: int,
            total: int | None = None,
            unit: str = "",
            metrics: Mapping[str, float] | None = None,
        ) -> None:
            if unit == "bytes" and 0 < done < (total or 0):
                raise Cancelled

    place = hub_place(f"{SET}/layer_3.safetensors")
    with pytest.raises(Cancelled):
        fetch(place, None, Stop())
    hub.asked.clear()
    fetch(place, None, SILENT)
    assert all(line != "bytes=0-" for line in ranges(hub))

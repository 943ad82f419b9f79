"""Fetching from the hub, for which a folder on this machine stands."""

from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from engine.errors import UserError
from engine.progress import SILENT
from engine.sae.formats.hub import fetch, repository


class Hub:
    """Gives out what lies in a folder, and remembers what it was asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[str] = []
        self.reachable = True

    def put(self, *files: str) -> None:
        for file in files:
            path = self.root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def download(self, repo_id: str, filename: str, *, local_files_only: bool) -> str:
        assert repo_id == "lab/saes"
        if not self.reachable:
            self.asked += [] if local_files_only else [filename]
            raise LocalEntryNotFoundError("no connection")
        self.asked.append(filename)
        if not (self.root / filename).exists():
            raise EntryNotFoundError(filename)
        return str(self.root / filename)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub(tmp_path)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hub.download)
    return hub


def test_large_files_beside_the_weights_are_not_asked_for(hub: Hub) -> None:
    inside = "resid_post/layer_13_width_16k_l0_medium"
    hub.put(*(f"{inside}/{n}.safetensors" for n in ("params", "examples")), f"{inside}/config.json")
    assert fetch(f"lab/saes:{inside}", None, SILENT) == hub.root / inside
    assert f"{inside}/params.safetensors" in hub.asked
    assert not any("examples" in file for file in hub.asked)


def test_a_format_narrows_what_is_asked_for(hub: Hub) -> None:
    hub.put("cfg.json", "sae_weights.safetensors")
    assert fetch("lab/saes", "sae_lens", SILENT) == hub.root
    assert hub.asked == ["cfg.json", "sae_weights.safetensors", "sparsity.safetensors"]


def test_what_the_publisher_states_comes_along(hub: Hub) -> None:
    hub.put("trainer_0/ae.pt", "trainer_0/config.json", "trainer_0/eval_results.json")
    assert fetch("lab/saes:trainer_0", None, SILENT) == hub.root / "trainer_0"
    assert hub.asked[-1] == "trainer_0/eval_results.json"


def test_the_run_that_names_the_model_comes_along(hub: Hub) -> None:
    hub.put("config.json", "layers.3/cfg.json", "layers.3/sae.safetensors")
    assert fetch("lab/saes:layers.3/", None, SILENT) == hub.root / "layers.3"
    assert hub.asked[-1] == "config.json"


def test_one_file_is_fetched_alone(hub: Hub) -> None:
    hub.put("gpt2/6.pt", "gpt2/7.pt")
    assert fetch("lab/saes:gpt2/6.pt", None, SILENT) == hub.root / "gpt2" / "6.pt"
    assert hub.asked == ["gpt2/6.pt"]


def test_a_checkpoint_of_dictionary_learning_is_fetched_with_its_configuration(hub: Hub) -> None:
    hub.put("trainer_0/config.json", "trainer_0/checkpoints/ae_300.pt")
    names = ("encoder.weight", "encoder.bias", "decoder.weight", "b_dec")
    weights = hub.root / "trainer_0" / "checkpoints" / "ae_300.pt"
    torch.save({name: torch.ones(2) for name in names}, weights)
    assert fetch("lab/saes:trainer_0/checkpoints/ae_300.pt", None, SILENT) == weights
    assert hub.asked[-1] == "trainer_0/config.json"


@pytest.mark.parametrize("source", ["lab/saes", "lab/saes:layers.4", "lab/saes:6.pt"])
def test_where_nothing_lies(hub: Hub, source: str) -> None:
    hub.put("layers.3/cfg.json", "README.md")
    with pytest.raises(UserError, match=f"no autoencoder in {source}"):
        fetch(source, None, SILENT)


def test_a_hub_that_cannot_be_reached_is_tried_once(hub: Hub) -> None:
    hub.reachable = False
    with pytest.raises(UserError, match="lab/saes is not on this machine"):
        fetch("lab/saes:layers.3", None, SILENT)
    assert len(hub.asked) == 1


def test_what_names_a_repository() -> None:
    assert repository("google/gemma-scope-2b-pt-res:layer_20/width_16k") == (
        "google/gemma-scope-2b-pt-res",
        "layer_20/width_16k",
    )
    assert repository("lab/saes") == ("lab/saes", "")
    for wrong in ("saes", "a/b/c", "a b/c", "lab/saes:a:b", "", "https://huggingface.co/lab/saes"):
        with pytest.raises(UserError, match="neither a file or folder here nor a repository"):
            repository(wrong)

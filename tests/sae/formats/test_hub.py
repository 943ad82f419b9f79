"""Fetching from the hub, for which a folder on this machine stands."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from engine.errors import UserError
from engine.progress import SILENT, Cancelled
from engine.sae.formats.hub import HubPlace, fetch, hub_place
from tests.noting import Noting
from tests.sae.formats.hub_folder import COMMIT, HubFolder

LAB = "lab/saes"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubFolder:
    hub = HubFolder(tmp_path)
    hub.stand_in(monkeypatch)
    return hub


def test_large_files_beside_the_weights_are_not_asked_for(hub: HubFolder) -> None:
    inside = "resid_post/layer_13_width_16k_l0_medium"
    root = hub.put(
        LAB, *(f"{inside}/{n}.safetensors" for n in ("params", "examples")), f"{inside}/config.json"
    )
    assert fetch(hub_place(f"{LAB}:{inside}"), None, SILENT).path == root / inside
    assert f"{inside}/params.safetensors" in hub.asked
    assert not any("examples" in file for file in hub.asked)


def test_a_format_narrows_what_is_asked_for(hub: HubFolder) -> None:
    root = hub.put(LAB, "cfg.json", "sae_weights.safetensors")
    assert fetch(hub_place(LAB), "sae_lens", SILENT).path == root
    assert hub.asked == ["cfg.json", "sae_weights.safetensors", "sparsity.safetensors"]


def test_what_the_publisher_states_comes_along(hub: HubFolder) -> None:
    root = hub.put(LAB, "trainer_0/ae.pt", "trainer_0/config.json", "trainer_0/eval_results.json")
    assert fetch(hub_place(f"{LAB}:trainer_0"), None, SILENT).path == root / "trainer_0"
    assert hub.asked[-1] == "trainer_0/eval_results.json"


def test_all_files_are_of_the_commit_of_the_first(hub: HubFolder) -> None:
    hub.put(LAB, "cfg.json", "sae_weights.safetensors")
    fetched = fetch(hub_place(f"{LAB}@v2"), "sae_lens", SILENT)
    assert hub.revisions == ["v2", COMMIT, COMMIT]
    assert str(fetched.place) == f"{LAB}@{COMMIT}"


def test_the_run_that_names_the_model_comes_along(hub: HubFolder) -> None:
    root = hub.put(LAB, "config.json", "layers.3/cfg.json", "layers.3/sae.safetensors")
    assert fetch(hub_place(f"{LAB}/layers.3/"), None, SILENT).path == root / "layers.3"
    assert hub.asked[-1] == "config.json"


def test_one_file_is_fetched_alone(hub: HubFolder) -> None:
    root = hub.put(LAB, "gpt2/6.pt", "gpt2/7.pt")
    assert fetch(hub_place(f"{LAB}/gpt2/6.pt"), None, SILENT).path == root / "gpt2" / "6.pt"
    assert hub.asked == ["gpt2/6.pt"]


def test_weights_of_a_folder_are_fetched_with_what_belongs_to_them(hub: HubFolder) -> None:
    root = hub.put(LAB, "a/cfg.json", "a/sae_weights.safetensors")
    assert fetch(hub_place(f"{LAB}/a/sae_weights.safetensors"), None, SILENT).path == root / "a"
    assert "a/cfg.json" in hub.asked


def test_a_checkpoint_of_dictionary_learning_is_fetched_with_its_configuration(
    hub: HubFolder,
) -> None:
    root = hub.put(LAB, "trainer_0/config.json", "trainer_0/checkpoints/ae_300.pt")
    names = ("encoder.weight", "encoder.bias", "decoder.weight", "b_dec")
    weights = root / "trainer_0" / "checkpoints" / "ae_300.pt"
    torch.save({name: torch.ones(2) for name in names}, weights)
    place = hub_place(f"{LAB}:trainer_0/checkpoints/ae_300.pt")
    assert fetch(place, None, SILENT).path == weights
    assert hub.asked[-1] == "trainer_0/config.json"


def test_the_layer_of_a_set_is_fetched_and_no_other(hub: HubFolder) -> None:
    root = hub.put(LAB, "config.yaml", "layer_3.safetensors", "layer_4.safetensors")
    (root / "config.yaml").write_text("model_kind: transcoder_set\n")
    fetched = fetch(hub_place(LAB), None, SILENT, layer=4)
    assert fetched.path == root / "layer_4.safetensors"
    assert str(fetched.place) == f"{LAB}/layer_4.safetensors@{COMMIT}"
    assert "layer_4.safetensors" in hub.asked
    assert "layer_3.safetensors" not in hub.asked
    assert fetch(hub_place(f"{LAB}/layer_3.safetensors"), None, SILENT).path.name == (
        "layer_3.safetensors"
    )
    assert hub.asked[-1] == "config.yaml"


def test_a_set_that_lists_files_elsewhere_leads_there(hub: HubFolder) -> None:
    root = hub.put(LAB, "config.yaml")
    listed = [f"hf://other/scope/layer_{n}/params.npz?revision=abc" for n in range(2)]
    lines = "\n".join(f"  - {place}" for place in listed)
    (root / "config.yaml").write_text(f"model_kind: transcoder_set\ntranscoders:\n{lines}\n")
    there = hub.put("other/scope", "layer_1/params.npz")
    fetched = fetch(hub_place(LAB), None, SILENT, layer=1)
    assert fetched.path == there / "layer_1"
    assert str(fetched.place) == f"other/scope/layer_1@{COMMIT}"
    assert "abc" in hub.revisions
    with pytest.raises(UserError, match=r"layers 0 to 1, and none of layer 2.*--layer"):
        fetch(hub_place(LAB), None, SILENT, layer=2)


@pytest.mark.parametrize("source", [LAB, f"{LAB}:layers.4", f"{LAB}:6.pt", f"{LAB}/x@v1"])
def test_where_nothing_lies(hub: HubFolder, source: str) -> None:
    hub.put(LAB, "layers.3/cfg.json", "README.md")
    with pytest.raises(UserError, match=r"no autoencoder in lab/saes.* on the hub\."):
        fetch(hub_place(source), None, SILENT)


def test_folders_that_hold_some_are_named(hub: HubFolder) -> None:
    hub.put(LAB, *(f"layers.{n}/sae.safetensors" for n in range(3)), "README.md")
    with pytest.raises(UserError, match=r"there are in layers\.0, layers\.1, layers\.2\."):
        fetch(hub_place(LAB), None, SILENT)


def test_a_folder_that_lacks_its_configuration_is_for_its_reader_to_refuse(hub: HubFolder) -> None:
    root = hub.put(LAB, "layers.3/sae.safetensors")
    assert fetch(hub_place(f"{LAB}/layers.3"), None, SILENT).path == root / "layers.3"


def test_a_hub_that_cannot_be_reached_is_tried_once(hub: HubFolder) -> None:
    hub.reachable = False
    with pytest.raises(UserError, match=r"lab/saes/layers\.3 is not on this machine"):
        fetch(hub_place(f"{LAB}:layers.3"), None, SILENT)
    assert len(hub.asked) == 1


def test_what_concerns_several_layers_is_refused_before_it_is_fetched(hub: HubFolder) -> None:
    for inside, said in (
        ("clt/width_262k_l0_medium/params_layer_0.safetensors", "cross-layer transcoder"),
        ("crosscoder/layer_7_13_17_22_width_65k_l0_medium", "weakly causal crosscoder"),
    ):
        with pytest.raises(UserError, match=said):
            fetch(hub_place(f"google/gemma-scope-2-1b-pt/{inside}"), None, SILENT)
    assert hub.asked == []


def test_bytes_are_told_and_a_download_can_be_cancelled(hub: HubFolder) -> None:
    root = hub.put(LAB, "cfg.json", "sae_weights.safetensors")
    (root / "cfg.json").write_bytes(b"{}")

    class Stop(Noting):
        def __call__(
            self,
            phase: str,
            done: int,
            total: int | None = None,
            unit: str = "",
            metrics: Mapping[str, float] | None = None,
        ) -> None:
            if (done, total, unit) == (2, 2, "bytes"):
                raise Cancelled

    with pytest.raises(Cancelled):
        fetch(hub_place(LAB), "sae_lens", Stop())
    assert hub.asked == ["cfg.json"]


def test_what_names_a_place() -> None:
    assert hub_place("google/gemma-scope-2b-pt-res:layer_20/width_16k") == HubPlace(
        "google/gemma-scope-2b-pt-res", "layer_20/width_16k"
    )
    assert hub_place("lab/saes") == HubPlace("lab/saes")
    assert hub_place("lab/saes/a/b@v1/x") == HubPlace("lab/saes", "a/b", "v1/x")
    assert hub_place("lab/saes/6.pt") == HubPlace("lab/saes", "6.pt", is_file=True)
    for wrong in ("saes", "a b/c", "lab/saes:a:b", "", "https://huggingface.co/lab/saes", "a/b/.."):
        with pytest.raises(UserError, match="neither a file or folder here, nor a place on the"):
            hub_place(wrong)

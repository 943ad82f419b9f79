"""A model spread over the CPU and the disk says and shows what it does in one place."""

import json
import tempfile
from pathlib import Path

import pytest
import torch

from engine.errors import UserError
from engine.model import device_map
from engine.model.edit import editing
from engine.model.generate import generate, logits
from engine.model.gradient import sensitivity
from engine.model.load import LanguageModel, load_model
from engine.model.locate import all_sites, site_device
from engine.model.observe import observe
from engine.model.padding import padding_is_reliable
from engine.model.site import Site, parse_site
from engine.model.unembed import logit_effects
from engine.model.variants import logits_of_variants
from engine.model.weights_digest import weights_digest

PLACES = {
    "model.embed_tokens": "cpu",
    "model.layers.0": "cpu",
    "model.layers.1": "disk",
    "model.layers.2": "disk",
    "model.norm": "disk",
    "model.rotary_emb": "cpu",
    "lm_head": "disk",
}
IDS = torch.tensor([[5, 60, 7, 100, 9], [80, 6, 70, 8, 90]])
PUSH = torch.linspace(-1, 1, 32)


@pytest.fixture(scope="module")
def plain(tiny_llama_path: Path) -> LanguageModel:
    return load_model(str(tiny_llama_path), device="cpu")


@pytest.fixture(scope="module")
def spread(tiny_llama_path: Path, tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    path = tmp_path_factory.mktemp("map") / "places.json"
    path.write_text(json.dumps(PLACES))
    return load_model(str(tiny_llama_path), device="cpu", device_map=str(path))


def test_weights_on_the_disk_are_not_in_memory(spread: LanguageModel) -> None:
    assert {p.device.type for p in spread.layers[1].parameters()} == {"meta"}
    assert {p.device.type for p in spread.layers[0].parameters()} == {"cpu"}
    assert spread.places == "3 on cpu, 4 on the disk"
    assert (spread.device, spread.dtype) == (torch.device("cpu"), torch.float32)
    assert not any(p.requires_grad for p in spread.model.parameters())


def test_nothing_is_printed(
    tiny_llama_path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "map.json").write_text(json.dumps(PLACES))
    load_model(str(tiny_llama_path), device="cpu", device_map=str(tmp_path / "map.json"))
    assert capfd.readouterr() == ("", "")


def test_it_has_the_same_sites_and_shows_the_same_there(
    plain: LanguageModel, spread: LanguageModel
) -> None:
    assert all_sites(spread) == all_sites(plain)
    sites = [parse_site(info.site) for info in all_sites(plain)]
    expected, seen = observe(plain, IDS, sites), observe(spread, IDS, sites)
    for site in sites:
        assert torch.equal(seen[site], expected[site])
        assert site_device(spread, site) == torch.device("cpu")
    assert torch.equal(logits(spread, IDS), logits(plain, IDS))
    assert {p.device.type for p in spread.layers[1].parameters()} == {"meta"}


@pytest.mark.parametrize("site", ["resid_pre.1", "mlp_out.1", "attn_out.2", "resid_post.2"])
def test_edits_generations_variants_and_gradients_are_the_same(
    plain: LanguageModel, spread: LanguageModel, site: str
) -> None:
    place = parse_site(site)
    edits = {place: lambda x, positions: x + (positions > 1)[..., None] * PUSH}
    nothing = {place: lambda x, _: x.clone()}
    assert torch.equal(logits(spread, IDS, nothing), logits(spread, IDS))
    assert torch.equal(logits(spread, IDS, edits), logits(plain, IDS, edits))
    prompts = [IDS[0], IDS[1, :2]]
    assert padding_is_reliable(spread)
    written = [generate(lm, prompts, 5, edits_of=lambda _: edits) for lm in (plain, spread)]
    for one, other in zip(*written, strict=True):
        assert torch.equal(one, other)
    pushes = torch.stack([0 * PUSH, PUSH])[:, None]
    made = [
        logits_of_variants(lm, IDS[0], place, lambda _, y, __: y + pushes, 2)
        for lm in (plain, spread)
    ]
    assert torch.equal(*made)
    for mine, theirs in zip(
        *(sensitivity(lm, IDS[0], place, lambda said: said[-1, 7]) for lm in (spread, plain)),
        strict=True,
    ):
        assert torch.equal(mine, theirs)


def test_weights_that_are_not_in_memory_are_read_where_they_are_asked_for(
    plain: LanguageModel, spread: LanguageModel
) -> None:
    directions = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(logit_effects(spread, directions), logit_effects(plain, directions))
    assert weights_digest(spread) == weights_digest(plain)


def test_an_edit_may_answer_on_another_device_and_in_another_type(plain: LanguageModel) -> None:
    edits = {Site("resid_post", 0): lambda x, _: x.double() + 1}
    with editing(plain, edits):
        assert plain.model(IDS).logits.dtype == torch.float32


def test_a_strategy_leaves_a_model_that_fits_on_one_device(
    plain: LanguageModel, tiny_llama_path: Path
) -> None:
    lm = load_model(str(tiny_llama_path), device="cpu", device_map="auto")
    assert torch.equal(logits(lm, IDS.to(lm.device)).cpu(), logits(plain, IDS)) or lm.places


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (None, "can't be read: No such file"),
        ("[1]", "is no device map: it must hold one object"),
        ('{"model": [0]}', "is no device map"),
        ('{"model": "cpu", "lm_heads": "cpu"}', r"names lm_heads.*such as model\.layers\.0"),
        ('{"model": "gpu", "lm_head": "cpu"}', "weights of .* can't be loaded: .*gpu"),
        ('{"model": "cpu", "model.layers.1": "disk"}', r"model and model\.layers\.1, which is in"),
        ('{"model.layers.1": "disk", "": 0}', r"the whole model and model\.layers\.1"),
    ],
)
def test_a_file_that_is_no_device_map_is_refused(
    tiny_llama_path: Path, tmp_path: Path, written: str | None, sentence: str
) -> None:
    path = tmp_path / "map.json"
    if written is not None:
        path.write_text(written)
    with pytest.raises(UserError, match=sentence):
        load_model(str(tiny_llama_path), device="cpu", device_map=str(path))


def test_a_model_that_can_not_be_loaded_leaves_no_folder(
    tiny_llama_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = {name: place for name, place in PLACES.items() if name != "model.layers.1"}
    (tmp_path / "map.json").write_text(json.dumps(some))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(UserError):
        load_model(str(tiny_llama_path), device="cpu", device_map=str(tmp_path / "map.json"))
    assert [path.name for path in tmp_path.iterdir()] == ["map.json"]


def test_what_is_no_strategy_and_no_file_is_refused(tiny_llama_path: Path) -> None:
    with pytest.raises(UserError, match=r"'even' is no device map.*balanced.*\.json"):
        load_model(str(tiny_llama_path), device="cpu", device_map="even")


def test_without_accelerate_it_is_said_what_to_install(
    tiny_llama_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_map, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"needs accelerate.*brainsurg\[device-map\]"):
        load_model(str(tiny_llama_path), device="cpu", device_map="auto")

"""What a user names: paths, published names, places on the hub."""

from pathlib import Path

import msgspec
import pytest

from engine.errors import UserError
from engine.model.site import parse_site
from engine.progress import SILENT
from engine.sae.formats.hub import HubPlace
from engine.sae.formats.libraries import FORMATS
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.sources import check_source, locate, place_of, published_sae
from engine.sae.published import published_table
from engine.sae.published.table import Pattern, Release, numbers, saes_of
from tests.sae.formats.hub_folder import COMMIT, HubFolder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubFolder:
    hub = HubFolder(tmp_path)
    hub.stand_in(monkeypatch)
    return hub


@pytest.mark.parametrize(
    ("name", "model", "place", "site"),
    [
        (
            "qwen-scope-3-1.7b-base-w32k-l50/layer12",
            "Qwen/Qwen3-1.7B-Base",
            HubPlace("Qwen/SAE-Res-Qwen3-1.7B-Base-W32K-L0_50", "layer12.sae.pt", is_file=True),
            "resid_post.12",
        ),
        (
            "gemma-scope-2b-pt-res-canonical/layer_20/width_16k/canonical",
            "google/gemma-2-2b",
            HubPlace("google/gemma-scope-2b-pt-res", "layer_20/width_16k/average_l0_71"),
            "resid_post.20",
        ),
        (  # a folder, for all that its name ends in .pt
            "gpt2-small-resid-post-v5-32k/blocks.3.hook_resid_post",
            "openai-community/gpt2",
            HubPlace("jbloom/GPT2-Small-OAI-v5-32k-resid-post-SAEs", "v5_32k_layer_3.pt"),
            "resid_post.3",
        ),
        (
            "gemma-scope-2-1b-pt-transcoders-all/layer_5_width_16k_l0_big_affine",
            "google/gemma-3-1b-pt",
            HubPlace(
                "google/gemma-scope-2-1b-pt", "transcoder_all/layer_5_width_16k_l0_big_affine"
            ),
            "mlp_in.5",
        ),
        (
            "llama_scope_r1_distill/l15r_400m_slimpajama_400m_openr1_math",
            "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
            HubPlace("fnlp/Llama-Scope-R1-Distill", "400M-Slimpajama-400M-OpenR1-Math-220k/L15R"),
            "resid_post.15",
        ),
        (
            "eleuther-skip-transcoder-smollm2-135m-128x/layers.8.mlp",
            "HuggingFaceTB/SmolLM2-135M",
            HubPlace("EleutherAI/skip-transcoder-SmolLM2-135M-128x", "layers.8.mlp"),
            "mlp_in.8",
        ),
    ],
)
def test_published_names(name: str, model: str, place: HubPlace, site: str) -> None:
    sae = published_sae(name)
    assert sae is not None
    assert (sae.model, sae.site, place_of(sae)) == (model, site, place)
    check_source(name, None, None)


def test_the_table_holds_nothing_that_can_not_be_read() -> None:
    table = published_table()
    assert {release.format for release in table.releases} <= set(FORMATS)
    names = [release.name for release in table.releases]
    assert len(set(names)) == len(names)
    assert not any("/" in name for name in names)
    for release in table.releases:
        assert table.sources[release.source].date
        saes = list(saes_of(release))
        assert len({sae.name for sae in saes}) == len(saes) > 0
        for sae in saes:
            assert "{" not in sae.name + sae.path
            for site in filter(None, (sae.site, sae.target_site)):
                parse_site(site)


def test_a_name_that_a_release_has_not_got() -> None:
    with pytest.raises(UserError, match=r"no 'layer99'; it has layer0, layer1, .* and 22 more"):
        published_sae("qwen-scope-3-1.7b-base-w32k-l50/layer99")
    with pytest.raises(
        UserError, match=r"has no 'layer_20/width_16k'; it has layer_20/width_16k/c"
    ):
        published_sae("gemma-scope-2b-pt-res-canonical/layer_20/width_16k")
    assert published_sae("google/gemma-scope-2b-pt-res") is None


def test_what_can_not_be_found_is_said_before_the_hub_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file or folder"):
        check_source("/nowhere", None, None)
    with pytest.raises(UserError, match="nor the name of a published SAE"):
        check_source("nowhere", None, None)
    with pytest.raises(UserError, match="in the format qwen_scope, and not sae_lens"):
        check_source("qwen-scope-3-1.7b-base-w32k-l50/layer0", "sae_lens", None)
    with pytest.raises(UserError, match="a weakly causal crosscoder"):
        check_source("google/gemma-scope-2-1b-pt/crosscoder/layer_7", None, None)


def test_models_are_found_with_their_owner_or_without() -> None:
    table = published_table()
    assert table.named("gemma-3-1b-pt") == ["google/gemma-3-1b-pt"]
    assert table.named("google/Gemma-3-1B-pt") == ["google/gemma-3-1b-pt"]
    assert table.named("gemma") == []
    assert len(table.saes("google/gemma-3-1b-pt")) == table.models["google/gemma-3-1b-pt"] > 500


def test_a_published_name_is_fetched_and_what_it_tells_is_kept(hub: HubFolder) -> None:
    root = hub.put("mwhanna/qwen3-14b-transcoders", "layer_7.safetensors")
    found = locate("mwhanna-qwen3-14b-transcoders/layer_7", None, SILENT)
    assert found.path == root / "layer_7.safetensors"
    assert found.format == "circuit_tracer"
    assert found.origin == f"mwhanna/qwen3-14b-transcoders/layer_7.safetensors@{COMMIT}"
    assert found.with_what_is_known(SAEMetadata()) == SAEMetadata(
        model="Qwen/Qwen3-14B",
        site="mlp_in.7",
        target_site="mlp_out.7",
        published_as="mwhanna-qwen3-14b-transcoders/layer_7",
    )
    elsewhere = {"circuit_tracer": {"feature_input_hook": "blocks.7.hook_resid_mid"}}
    other = found.with_what_is_known(SAEMetadata(library_fields=elsewhere))
    assert (other.site, other.target_site) == ("", "mlp_out.7")
    known = found.with_what_is_known(SAEMetadata(model="m", site="resid_post.1"))
    assert (known.model, known.site) == ("m", "resid_post.1")


def test_what_the_list_tells_beside_the_files_is_kept(hub: HubFolder) -> None:
    inside = "blocks.8.hook_resid_pre"
    hub.put(
        "jbloom/GPT2-Small-SAEs-Reformatted",
        f"{inside}/cfg.json",
        f"{inside}/sae_weights.safetensors",
    )
    found = locate(f"gpt2-small-res-jb/{inside}", None, SILENT)
    kept = found.with_what_is_known(SAEMetadata(library_fields={"sae_lens": {"a": 1}}))
    assert kept.library_fields == {
        "sae_lens": {"a": 1, "model_from_pretrained_kwargs": {"center_writing_weights": True}}
    }


def test_patterns() -> None:
    assert numbers("0-2,16,20-21") == ["0", "1", "2", "16", "20", "21"]
    product = Pattern(
        id="l{0}_w{1}k", path="w{1}/l{0}", columns=["0-1", "16,64"], layer="{0}", l0=[1, 2, 3, 4]
    )
    zipped = Pattern(id="c{0}", path="a_{1}", columns=["3,5", "70,80"], zipped=True, l0=[9])
    release = Release(
        name="r", repository="o/n", model="m", format="sparsify", source=0, saes=[product, zipped]
    )
    assert [(sae.name, sae.path, sae.l0) for sae in saes_of(release)] == [
        ("r/l0_w16k", "w16/l0", 1),
        ("r/l0_w64k", "w64/l0", 2),
        ("r/l1_w16k", "w16/l1", 3),
        ("r/l1_w64k", "w64/l1", 4),
        ("r/c3", "a_70", 9),
        ("r/c5", "a_80", 9),
    ]
    assert msgspec.json.decode(msgspec.json.encode(release), type=Release) == release

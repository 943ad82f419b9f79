"""Places in a model, in every spelling that files have."""

from pathlib import Path

import pytest

from engine.model.site import KINDS
from engine.sae.formats.gemma_scope_names import Origin, origin_of
from engine.sae.formats.hooks import lens_hook, site_of


@pytest.mark.parametrize(
    ("hook", "site"),
    [
        ("blocks.3.hook_resid_post", "resid_post.3"),
        ("blocks.12.hook_resid_pre", "resid_pre.12"),
        ("blocks.0.hook_mlp_out", "mlp_out.0"),
        ("blocks.7.hook_attn_out", "attn_out.7"),
        ("model.layers.3", "resid_post.3"),
        ("layers.03", "resid_post.3"),
        ("transformer.h.11", "resid_post.11"),
        ("gpt_neox.layers.4", "resid_post.4"),
        ("model.layers.17.output", "resid_post.17"),
        ("model.layers.5.post_feedforward_layernorm.output", "mlp_out.5"),
        ("resid_post_layer_8", "resid_post.8"),
        ("blocks.3.attn.hook_z", "attn_z.3"),
        ("blocks.3.mlp.hook_in", "mlp_in.3"),
        ("blocks.12.ln2.hook_normalized", "mlp_in_unscaled.12"),
        ("model.layers.3.self_attn.o_proj.input", "attn_z.3"),
        ("model.layers.17.pre_feedforward_layernorm.output", "mlp_in.17"),
        ("model.layers.3.mlp.input", "mlp_in.3"),
        ("blocks.3.hook_mlp_in", ""),
        ("layers.3.mlp", ""),
        ("blocks.3.mlp.hook_out", ""),
        ("blocks.3.ln1.hook_normalized", ""),
        ("blocksX3.hook_resid_post", ""),
        ("hook_embed", ""),
        ("layers.12345", ""),
        ("", ""),
        (None, ""),
        (3, ""),
    ],
)
def test_a_hook_is_a_site_or_none_of_ours(hook: object, site: str) -> None:
    assert site_of(hook) == site


@pytest.mark.parametrize("site", [*(f"{kind}.12" for kind in KINDS), "resid_pre.0", ""])
def test_a_site_is_spelled_so_that_it_is_read_again(site: str) -> None:
    assert site_of(lens_hook(site)) == site


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (
            "gemma-scope-9b-it-res/layer_31/width_16k/average_l0_76",
            Origin(model="google/gemma-2-9b-it", site="resid_post.31"),
        ),
        (
            "models--google--gemma-scope-2b-pt-mlp/snapshots/abc/layer_5/width_16k/average_l0_9",
            Origin(model="google/gemma-2-2b", site="mlp_out.5"),
        ),
        (
            "gemma-scope-2b-pt-att/layer_5/width_16k/average_l0_9",
            Origin(model="google/gemma-2-2b", site="attn_z.5"),
        ),
        ("gemma-scope-2b-pt-res/embedding/width_4k", Origin(model="google/gemma-2-2b")),
        (
            "gemma-scope-2b-pt-transcoders/layer_5/width_16k/average_l0_9",
            Origin(
                model="google/gemma-2-2b",
                site="mlp_in_unscaled.5",
                target_site="mlp_out.5",
                transcodes=True,
            ),
        ),
        (
            "gemma-scope-2-27b-pt/mlp_out/layer_40_width_262k_l0_big",
            Origin(model="google/gemma-3-27b-pt", site="mlp_out.40"),
        ),
        (
            "gemma-scope-2-1b-it/transcoder_all/layer_5_width_16k_l0_big_affine",
            Origin(
                model="google/gemma-3-1b-it",
                site="mlp_in.5",
                target_site="mlp_out.5",
                transcodes=True,
            ),
        ),
        (
            "gemma-scope-2-1b-it/attn_out/layer_5_width_16k_l0_big",
            Origin(model="google/gemma-3-1b-it", site="attn_z.5"),
        ),
        ("somewhere/layer_5", Origin()),
    ],
)
def test_gemma_scopes_folders_tell_where_they_belong(path: str, told: Origin) -> None:
    assert origin_of(Path("/data") / path) == told

"""Logit effects, against the derivative of the model's own final norm and head."""

import pytest
import torch
import transformers as hf

from engine.errors import UserError
from engine.model.edit import editing
from engine.model.locate import site_width
from engine.model.observe import observe
from engine.model.site import Site
from engine.model.unembed import logit_effects
from tests.model.zoo import language_model, some_tokens, zoo_model


def _olmo():
    """Its norm has no weight at all, and an odd width tests the measuring of weights."""
    return language_model(
        hf.OlmoConfig(
            vocab_size=50,
            hidden_size=27,
            intermediate_size=24,
            num_hidden_layers=2,
            num_attention_heads=1,
            head_dim=2,
            pad_token_id=0,
        )
    )


@pytest.mark.parametrize(
    "name", ["llama", "gemma2", "gpt2", "bloom", "stablelm", "mpt", "olmo", "gemma3-with-eyes"]
)
def test_effects_are_the_derivative_along_directions_that_keep_the_size(name) -> None:
    lm = _olmo() if name == "olmo" else zoo_model(name)
    generator = torch.Generator().manual_seed(2)
    residual = torch.randn(lm.d_model, generator=generator, dtype=torch.float64)
    residual -= residual.mean()
    directions = torch.randn(4, lm.d_model, generator=generator, dtype=torch.float64)
    # along these the norm's divisor has no derivative, and only the direct path is left
    directions -= (directions @ residual / residual.square().sum())[:, None] * residual

    def head(x):
        return lm.model.get_output_embeddings()(lm.anatomy.final_norm(x[None].float()))[0]

    scale = residual.square().mean().sqrt()
    derivatives = torch.stack(
        [torch.func.jvp(head, (residual.float(),), (d.float(),))[1] for d in directions]
    )
    effects = logit_effects(lm, directions.float())
    assert effects.dtype == torch.float32
    torch.testing.assert_close(effects, derivatives * scale.float(), rtol=2e-3, atol=2e-3)


def test_an_unembedding_behind_another_projection_is_refused() -> None:
    lm = zoo_model("opt-350m")
    with pytest.raises(UserError, match="does not read the residual stream directly"):
        logit_effects(lm, torch.ones(1, lm.d_model))


@pytest.mark.parametrize("name", ["llama", "gpt2", "granite", "bloom"])
def test_what_attention_reads_goes_through_its_projection(name) -> None:
    lm = zoo_model(name)
    z, added = Site("attn_z", 1), Site("attn_out", 1)
    directions = torch.randn(4, site_width(lm, z), generator=torch.Generator().manual_seed(3))
    effects = logit_effects(lm, directions, z)
    ids = some_tokens(1, 4)
    before = observe(lm, ids, [added])[added]
    with editing(lm, {z: lambda x, _: x + directions}):
        moved = (observe(lm, ids, [added])[added] - before)[0]
    torch.testing.assert_close(effects, logit_effects(lm, moved, added), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("gemma2", "attn_z", r"attn_z\.1 reaches the residual stream through a norm"),
        ("llama", "mlp_in", r"mlp_in\.1 is not added to the residual stream"),
        ("llama", "mlp_in_unscaled", r"mlp_in_unscaled\.1 is not added"),
    ],
)
def test_what_is_not_added_to_the_residual_stream_moves_no_logits_directly(
    name, kind, sentence
) -> None:
    with pytest.raises(UserError, match=sentence):
        logit_effects(zoo_model(name), torch.ones(1, 16), Site(kind, 1))
    with pytest.raises(UserError, match="17 wide"):
        logit_effects(zoo_model(name), torch.ones(1, 17))

"""A site that is wider than the residual stream, through capture, streaming and splicing."""

from pathlib import Path

import pytest
import torch
import transformers as hf

from engine.activations.batches.observed import ObservedDocuments
from engine.activations.capture.documents import capture_documents
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.stored_windows import check_is_of, stored_windows
from engine.errors import UserError
from engine.model.load import LanguageModel
from engine.model.observe import observe
from engine.model.site import Site
from engine.sae.evaluation.splice import splice
from tests.model.zoo import language_model
from tests.sae.evaluation.plain import PlainSAE

WIDE, STREAM = Site("attn_z", 1), Site("resid_post", 1)
WIDTH, D_MODEL = 24, 16
TEXTS = ["The dog ran.", "A cat sat on the mat, and the dog saw it."]


@pytest.fixture(scope="module")
def lm(tiny_llama_path: Path) -> LanguageModel:
    tokenizer = hf.AutoTokenizer.from_pretrained(tiny_llama_path)
    config = hf.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=D_MODEL,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=12,
        max_position_embeddings=64,
    )
    return language_model(config, tokenizer)


def test_each_set_is_as_wide_as_its_site(lm: LanguageModel, tmp_path: Path) -> None:
    folders = [tmp_path / "wide", tmp_path / "stream"]
    capture_documents(lm, TEXTS, [WIDE, STREAM], folders, origin="texts", context=16)
    wide, stream = map(ActivationSet.open, folders)
    assert (wide.d_model, stream.d_model) == (WIDTH, D_MODEL)
    rows = torch.cat([
        observe(lm, window.token_ids[None], [WIDE])[WIDE][0]
        for window in stored_windows(wide, range(len(TEXTS)))
    ])  # fmt: skip
    torch.testing.assert_close(wide.rows(torch.arange(len(wide))), rows, rtol=1e-4, atol=1e-5)
    check_is_of(wide, lm, WIDE, 1)
    with pytest.raises(UserError, match="does not give the activations"):
        check_is_of(wide, lm, STREAM, 1)


def test_a_stream_has_rows_of_both_widths(lm: LanguageModel) -> None:
    observed = ObservedDocuments(lm, lambda: TEXTS, [WIDE, STREAM], seed=0, context=16)
    assert {name: kind.width for name, kind in observed.kinds.items()} == {
        "attn_z.1": WIDTH,
        "resid_post.1": D_MODEL,
    }
    rows = next(iter(observed.once()))
    assert {name: part.shape[1] for name, part in rows.items()} == {
        "attn_z.1": WIDTH,
        "resid_post.1": D_MODEL,
    }


def test_an_sae_of_that_width_is_spliced_there(lm: LanguageModel, tmp_path: Path) -> None:
    capture_documents(lm, TEXTS, [WIDE], [tmp_path / "wide"], origin="texts", context=16)
    windows = list(stored_windows(ActivationSet.open(tmp_path / "wide"), range(len(TEXTS))))
    got = splice(lm, PlainSAE.identity(WIDTH), WIDE, windows, start_token_ids=[])
    assert (got.delta_ce, got.kl) == (0, 0)
    assert got.ce_zero != got.ce_clean
    with pytest.raises(UserError, match=r"width 16.* at attn_z\.1 are 24 wide"):
        splice(lm, PlainSAE.identity(D_MODEL), WIDE, windows, start_token_ids=[])

"""Tokens that a tokenizer puts around a text: read by the model, and no part of what is learned."""

import shutil
from pathlib import Path

import pytest
import torch
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from engine.activations.batches.observed import ObservedDocuments
from engine.activations.batches.reading import StreamPosition
from engine.activations.batches.stored import split_documents
from engine.activations.capture.documents import capture_documents
from engine.activations.capture.prompts import capture_prompts
from engine.activations.store.activation_set import ActivationSet
from engine.activations.windows import cut_documents
from engine.errors import UserError
from engine.model.load import LanguageModel, load_model
from engine.model.prompt import Prompt
from engine.model.site import parse_site

SITE = parse_site("resid_post.1")
BOS, EOS, MASK, SOP = 0, 1, 20, 21
"""Ids of the tokenizer's own tokens, and of two characters that stand for `[gMASK]` and `<sop>`."""
TEXTS = ["one story", "x" * 25, "", "the end"]


@pytest.fixture(scope="module")
def lm(tiny_llama_path: Path, tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    """Its tokenizer puts two tokens before every text, none of them BOS, and EOS behind."""
    folder = tmp_path_factory.mktemp("framed") / "model"
    shutil.copytree(tiny_llama_path, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    frame = {tokenizer.convert_ids_to_tokens(index): index for index in (MASK, SOP, EOS)}
    before, after, end = frame
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{before} {after} $A {end}", special_tokens=list(frame.items())
    )
    tokenizer.save_pretrained(folder)
    return load_model(str(folder), device="cpu")


def test_every_window_begins_with_the_whole_prefix_and_none_ends_a_text(lm: LanguageModel) -> None:
    windows = [w.token_ids.tolist() for w in cut_documents(lm, TEXTS, 10, None)]
    assert all(window[:2] == [MASK, SOP] and len(window) <= 10 for window in windows)
    assert [len(window) - 2 for window in windows] == [8, 1, 8, 8, 8, 1, 7]
    assert not any(EOS in window for window in windows)
    with pytest.raises(UserError, match="no room for text behind the 2"):
        list(cut_documents(lm, TEXTS, 2, None))


def test_the_prefix_is_stored_and_neither_trained_on_nor_held_out(
    lm: LanguageModel, tmp_path: Path
) -> None:
    capture_documents(lm, TEXTS, [SITE], [tmp_path / "set"], origin="texts", context=10)
    acts = ActivationSet.open(tmp_path / "set")
    assert acts.manifest.prefix_token_ids == [MASK, SOP]
    assert acts.manifest.start_token_ids == [BOS, MASK, SOP]
    ids = torch.cat([shard.token_ids for shard in acts.shards()])
    learned = torch.cat(split_documents(acts, 0.3, 0)).sort().values
    assert learned.tolist() == [row for row, i in enumerate(ids) if i not in (MASK, SOP)]
    assert len(learned) == sum(map(len, TEXTS))


def test_a_stream_trains_on_the_text_alone(lm: LanguageModel, tmp_path: Path) -> None:
    stream = ObservedDocuments(lm, lambda: TEXTS, [SITE], 0, context=10)
    chunk = next(stream.chunks(0, StreamPosition()))
    assert len(chunk.rows[str(SITE)]) == sum(map(len, TEXTS))


def test_a_prompt_is_continued_where_its_text_ends(lm: LanguageModel, tmp_path: Path) -> None:
    capture_prompts(lm, [Prompt("one")], [SITE], [tmp_path / "set"], generate=3)
    acts = ActivationSet.open(tmp_path / "set")
    ids = acts.document(0)[0].tolist()
    own = lm.tokenizer("one", add_special_tokens=False)["input_ids"]
    assert ids[:5] == [MASK, SOP, *own]
    with torch.no_grad():
        assert ids[5] == lm.model(torch.tensor([ids[:5]])).logits[0, -1].argmax()

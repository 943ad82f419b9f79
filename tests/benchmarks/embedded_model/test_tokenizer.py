"""The demo model's tokenizer: any text survives it."""

import itertools
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from benchmarks.embedded_model.training.tokenizer import learn_tokenizer
from engine.demo.corpus.generate import documents


@cache
def small_tokenizer() -> PreTrainedTokenizerFast:
    texts = [document.text for document in itertools.islice(documents(), 200)]
    return learn_tokenizer(texts, vocab_size=512, context=128)


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_comes_back(text: str) -> None:
    tokenizer = small_tokenizer()
    ids = tokenizer(text)["input_ids"]
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.decode(ids[1:]) == text


def test_every_digit_is_a_token() -> None:
    tokenizer = small_tokenizer()
    assert tokenizer.convert_ids_to_tokens(tokenizer("1987")["input_ids"][1:]) == list("1987")


def test_a_saved_tokenizer_is_the_same_one(tmp_path: Path) -> None:
    tokenizer = small_tokenizer()
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = "Alice: Hi Bob!\n    return 7"
    assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert (loaded.bos_token, loaded.eos_token, loaded.pad_token) == ("<bos>", "<eos>", "<pad>")


def test_learning_is_deterministic() -> None:
    again = small_tokenizer.__wrapped__()
    assert again.get_vocab() == small_tokenizer().get_vocab()

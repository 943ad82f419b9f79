"""Text to tokens, tokens to text, and tokens as a person reads them."""

from pathlib import Path

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from engine.errors import UserError
from engine.model.generate import logits
from engine.model.load import LanguageModel, load_model
from engine.model.text import decode, encode, is_text, prefix_length, vocabulary
from tests.model.zoo import SUMS, language_model

TEXTS = [
    "The café – où? – is 100% “open”.\n\tNext",
    "日本語 😀 mixed in, twice 😀",
    "  two spaces ",
]


def with_tokenizer(tokenizer: Tokenizer, **special: str) -> LanguageModel:
    config = SUMS["llama"]()
    config.vocab_size = tokenizer.get_vocab_size() + 8
    return language_model(config, PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special))


@pytest.fixture(scope="module")
def byte_level() -> LanguageModel:
    """A byte-level tokenizer that has merged letters into words, and an added token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        initial_alphabet=alphabet,
        show_progress=False,
        special_tokens=["<｜end▁x｜>"],
    )
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    return with_tokenizer(tokenizer, eos_token="<｜end▁x｜>")


@pytest.fixture(scope="module")
def stories(stories_model_path: Path) -> LanguageModel:
    """SentencePiece's way, with byte fallback."""
    return load_model(str(stories_model_path), device="cpu")


@pytest.fixture(scope="module")
def word_piece() -> LanguageModel:
    words = ["[UNK]", "play", "##ing", "##s", "the", "dog", "."]
    tokenizer = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return with_tokenizer(tokenizer, unk_token="[UNK]")


def joined(lm: LanguageModel, text: str) -> str:
    texts = vocabulary(lm)
    return "".join(texts[i] for i in encode(lm, text))


@given(st.text())
def test_byte_level_text_comes_back(byte_level, text) -> None:
    ids = encode(byte_level, text)
    assert ids.dtype == torch.int64
    assert ids.dim() == 1
    assert decode(byte_level, ids) == text


@given(st.text(st.characters(max_codepoint=127)))
def test_tokens_as_they_read_join_to_the_text_they_came_from(byte_level, text) -> None:
    assert joined(byte_level, text) == text


def test_real_text_comes_back_and_reads_as_it_is(stories, stories_path: Path) -> None:
    for text in msgspec.json.decode(stories_path.read_bytes())[:20]:
        ids = encode(stories, text)
        assert ids[0] == stories.tokenizer.bos_token_id
        assert decode(stories, ids) == text.strip(" ")
        assert joined(stories, text).removeprefix("<s>").strip(" ") == text.strip(" ")


def test_bytes_that_are_no_character_are_shown_as_such(byte_level, stories) -> None:
    assert "\\xf0\\x9f" in joined(stories, "x 😀")
    assert joined(stories, "a\nb") == "<s> a\nb"
    rare = joined(byte_level, "☃")
    assert rare == "☃" or "\\xe2" in rare


def test_every_logit_has_a_text(byte_level, stories) -> None:
    texts = vocabulary(byte_level)
    assert len(texts) == byte_level.vocab_size
    assert texts[-1] == f"<{byte_level.vocab_size - 1}>"
    assert texts[byte_level.tokenizer.eos_token_id] == "<｜end▁x｜>"
    assert len(vocabulary(stories)) == 512


def test_a_token_outside_the_byte_alphabet_reads_as_it_is_written() -> None:
    tokenizer = Tokenizer(models.BPE({"Ġa": 0, "a b": 1}, []))
    tokenizer.decoder = decoders.ByteLevel()
    assert vocabulary(with_tokenizer(tokenizer))[:2] == [" a", "a b"]


def test_word_pieces_read_with_their_spaces(word_piece) -> None:
    assert joined(word_piece, "Playing the dogs") == " playing the dogs"


def test_words_that_mark_their_end_read_with_the_space_behind() -> None:
    vocab = {"d": 0, "o": 1, "g": 2, "g</w>": 3}
    tokenizer = Tokenizer(models.BPE(vocab, [], end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    assert joined(with_tokenizer(tokenizer), "dog dog") == "dog dog "


SPECIAL = ["[gMASK]", "<sop>", "<s>", "</s>"]


def framing(template: str, **special: str) -> LanguageModel:
    """A tokenizer of single letters that puts every text into `template`."""
    letters = {letter: index for index, letter in enumerate([*SPECIAL, *"abcdefghij"])}
    tokenizer = Tokenizer(models.BPE(letters, []))
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[(token, letters[token]) for token in SPECIAL]
    )
    return with_tokenizer(tokenizer, **special)


@pytest.mark.parametrize(
    ("template", "special", "prefix"),
    [
        ("$A", {}, []),
        ("$A </s>", {"eos_token": "</s>"}, []),
        ("<s> $A </s>", {"bos_token": "<s>", "eos_token": "</s>"}, [2]),
        ("[gMASK] <sop> $A", {}, [0, 1]),
        ("[gMASK] <sop> $A </s>", {"bos_token": "<s>"}, [0, 1]),
        ("</s> $A", {"bos_token": "<s>"}, [3]),
    ],
)
def test_what_the_tokenizer_puts_before_a_text_stays_and_what_it_puts_behind_goes(
    template, special, prefix
) -> None:
    lm = framing(template, **special)
    assert lm.prefix_ids == prefix
    for text, body in {"abc": [4, 5, 6], "": [], "a</s>": [4, 3], "<sop>a": [1, 4]}.items():
        ids = encode(lm, text)
        assert ids.tolist() == prefix + body
        assert prefix_length(lm, ids) == len(prefix)
    own = is_text(lm, torch.tensor([[*prefix, 4, 5], [4, 5, *prefix]]))
    assert own.tolist() == [[False] * len(prefix) + [True] * 2, [True] * 2 + [False] * len(prefix)]


def test_a_bos_that_the_text_writes_itself_is_none_of_it() -> None:
    lm = framing("$A", bos_token="<s>")
    ids = encode(lm, "<s>ab")
    assert (ids.tolist(), prefix_length(lm, ids)) == ([2, 4, 5], 1)
    assert is_text(lm, ids).tolist() == [False, True, True]


def test_tokens_that_the_model_lacks_are_named() -> None:
    lm = framing("$A", bos_token="<s>")
    lm.tokenizer.add_tokens([f"<more {number}>" for number in range(20)])
    assert len(lm.tokenizer) > lm.vocab_size
    assert len(vocabulary(lm)) == lm.vocab_size
    assert logits(lm, encode(lm, "ab")[None]).shape[1] == 2
    for sentence in (r"token 22 \('<more 8>'\), which is outside 0 to 21", "tokenizer"):
        with pytest.raises(UserError, match=sentence):
            logits(lm, encode(lm, "ab<more 8>")[None])


def test_a_chat_message_goes_into_the_template(tiny_llama_path: Path) -> None:
    lm = load_model(str(tiny_llama_path), device="cpu")
    with pytest.raises(UserError, match="no chat template"):
        encode(lm, "hi", chat=True)
    lm.tokenizer.chat_template = (
        "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
        "{% if add_generation_prompt %}<model>{% endif %}"
    )
    ids = encode(lm, "hi {{ 7 * 7 }}", chat=True)
    assert ids.dtype == torch.int64
    assert decode(lm, ids) == "<user>hi {{ 7 * 7 }}</><model>"
    assert int((ids == lm.tokenizer.bos_token_id).sum()) == 1


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ({"rag": "x", "tool_use": "{{ messages[0].content }}"}, "are for rag and tool_use, and"),
        ({"rag": "x"}, "are for rag, and none is for a plain conversation"),
        (
            "{% if messages[0].role != 'system' %}{{ raise_exception('System first!') }}"
            "{% endif %}",
            "refuses a user's message alone: System first!",
        ),
        ("{{ raise_exception('') }}", r"refuses a user's message alone\."),
        ("{% for m in messages %}{{ m.content ", "is broken in line 1: unexpected end"),
        ("\n{{ messages | no_such_filter }}", "is broken in line 2: No filter named"),
        ("{% for m in messages %}{{ m.content[0].text }}{% endfor %}", "leaves out a message"),
        (
            "{% for m in messages %}{% for part in m.content %}"
            "{% if part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %}</>{% endfor %}",
            "leaves out a message",
        ),
        ("{{ messages[0].content['text'] | upper | tojson + 1 }}", "fails on a message"),
        ("{{ messages[1].content.text }}", "fails on a message that is plain text: "),
        ("{{ 1 // 0 }}", "fails on a message that is plain text: "),
        ("{% for i in range(10 ** 9) %}{% endfor %}", "fails on a message that is plain text: "),
    ],
)
def test_a_chat_template_that_takes_no_message_is_described(
    tiny_llama_path, template, sentence
) -> None:
    lm = load_model(str(tiny_llama_path), device="cpu")
    lm.tokenizer.chat_template = template
    with pytest.raises(UserError, match=sentence) as caught:
        encode(lm, "Tell me a story", chat=True)
    assert str(caught.value).startswith("The chat template")
    assert "Error" not in str(caught.value)
    assert "without the chat template" in str(caught.value)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ({"default": "{{ messages[0].content }}!", "rag": "x"}, "Hi!"),
        ("{{ messages[0].content | trim | upper }}", "HI"),
        ("{{ messages[0]['content'] }}{{ messages[0].tool_calls }}", "Hi"),
    ],
)
def test_a_chat_template_may_have_others_beside_it_and_may_change_the_message(
    tiny_llama_path, template, text
) -> None:
    lm = load_model(str(tiny_llama_path), device="cpu")
    lm.tokenizer.chat_template = template
    assert decode(lm, encode(lm, "Hi", chat=True)) == text


def test_no_text_is_no_tokens(byte_level) -> None:
    ids = encode(byte_level, "")
    assert ids.shape == (0,)
    assert ids.dtype == torch.int64

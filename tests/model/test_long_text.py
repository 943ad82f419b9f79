"""Long texts, tokenised in pieces, against the same texts tokenised whole."""

import json
import os
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.load import load_model
from engine.model.long_text import encode_pieces
from engine.model.text import encode

SMALL = {"piece": 300, "overlap": 120, "agreement": 8}


@pytest.fixture(scope="module", params=["demo", "stories", "smollm2"])
def lm(request):
    if request.param == "demo":
        return load_model("demo", device="cpu")
    if request.param == "stories":
        return load_model(str(request.getfixturevalue("stories_model_path")), device="cpu")
    if "BRAINSURG_SMOLLM2" not in os.environ:
        pytest.skip("BRAINSURG_SMOLLM2 names no folder of SmolLM2-135M-Instruct")
    return load_model(os.environ["BRAINSURG_SMOLLM2"], device="cpu")


def in_pieces(lm, text, **sizes):
    parts, shares = zip(*encode_pieces(lm, text, **sizes), strict=True)
    assert shares[-1] == 1
    assert sorted(shares) == list(shares)
    return torch.cat(parts).tolist(), len(parts)


def test_the_tokens_of_a_long_text_are_those_of_the_whole(lm, stories_path):
    text = "\n\n".join(json.loads(stories_path.read_text())[:60])
    ids, parts = in_pieces(lm, text, piece=5000, overlap=1000)
    assert parts == pytest.approx(len(text) / 5000, abs=2)
    assert ids == encode(lm, text).tolist()


@pytest.mark.parametrize("prepend_bos", [True, False])
def test_bos_stands_before_a_long_text_where_it_is_asked_for(lm, prepend_bos):
    asked = lm.reading(prepend_bos=prepend_bos)
    text = "Once upon a time, there was a little girl. " * 40
    ids, parts = in_pieces(asked, text, **SMALL)
    assert parts > 1
    assert ids == encode(asked, text).tolist()
    assert (ids[0] == lm.tokenizer.bos_token_id) == prepend_bos


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    alphabet=st.sampled_from(["ab ", "aé漢\U0001f600 \n", "x", " ", "word Word, 12\t\r\n"]),
)
def test_the_tokens_of_any_text_are_those_of_the_whole(lm, seed, alphabet):
    chosen = random.Random(seed)
    text = "".join(chosen.choice(alphabet) for _ in range(chosen.randrange(2500)))
    ids, _ = in_pieces(lm, text, **SMALL)
    assert ids == encode(lm, text).tolist()


def test_a_short_text_is_one_piece(lm):
    assert in_pieces(lm, "Once.") == (encode(lm, "Once.").tolist(), 1)
    assert in_pieces(lm, "") == (encode(lm, "").tolist(), 1)

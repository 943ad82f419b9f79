"""Documents seen through a model, against transformers' own hidden states."""

import dataclasses
import itertools
import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.processors import TemplateProcessing
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.activations.batches.observed import ObservedDocuments
from engine.activations.batches.reading import Reader, StreamPosition
from engine.errors import UserError
from engine.model.load import load_model
from engine.model.long_text import encode_pieces
from engine.model.site import parse_site
from engine.progress import Silent

SITES = [parse_site("resid_post.0"), parse_site("resid_pre.2")]
HIDDEN = [1, 2]
"""Indices into transformers' `hidden_states` of the same two places."""
TEXTS = ["A cat.", "x" * 70, "", "Two words", "\x1b[31mred\x07", "The " * 20, "z", "end of it all"]
TEXTS += ["".join(f"{i} squared is {i * i}. " for i in range(12)), "And so on."]
"""The one before the last is longer than the windows that are read together."""
TOKENS = sum(len(text) for text in TEXTS)


@pytest.fixture(scope="module")
def lm(tiny_llama_path):
    return load_model(str(tiny_llama_path), device="cpu")


@pytest.fixture(scope="module")
def bos_lm(tiny_llama_path, tmp_path_factory):
    """The same model with a tokenizer that begins every text with BOS."""
    folder = tmp_path_factory.mktemp("bos") / "model"
    shutil.copytree(tiny_llama_path, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", tokenizer.bos_token_id)]
    )
    tokenizer.save_pretrained(folder)
    return load_model(str(folder), device="cpu")


@pytest.fixture(scope="module")
def plain(tiny_llama_path):
    """transformers' own model and tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama_path)
    return AutoModelForCausalLM.from_pretrained(tiny_llama_path), tokenizer


def observed(lm, texts=TEXTS, seed=0, **options):
    options = {"context": 16, "pass_tokens": 40} | options
    return ObservedDocuments(lm, lambda: iter(texts), SITES, seed, **options)


def hidden(model, windows):
    """The hidden states `[tokens, d_model]` at both sites, each window alone in its batch."""
    states = []
    with torch.no_grad():
        for window in windows:
            out = model(torch.tensor([window]), output_hidden_states=True).hidden_states
            states.append([out[index][0] for index in HIDDEN])
    return [torch.cat(of_site) for of_site in zip(*states, strict=True)]


def first_rows(source, count, first=0, place=StreamPosition()):  # noqa: B008 - it is frozen
    chunks = []
    for chunk in source.chunks(first, place):
        chunks.append(chunk)
        if sum(len(c.rows["resid_post.0"]) for c in chunks) >= count:
            break
    return [torch.cat([c.rows[str(site)] for c in chunks])[:count] for site in SITES], chunks


def test_an_epoch_is_every_token_as_the_model_sees_it_at_every_site(lm, plain):
    model, tokenizer = plain
    ids = [tokenizer(text)["input_ids"] for text in TEXTS]
    windows = [one[i : i + 16] for one in ids for i in range(0, len(one), 16)]
    expected = torch.cat(hidden(model, windows), dim=1)

    rows, _ = first_rows(observed(lm), 2 * TOKENS)
    pairs = torch.cat(rows, dim=1)
    for epoch in (pairs[:TOKENS], pairs[TOKENS:]):
        apart = torch.cdist(epoch, expected)
        # Some windows are of the same text, so rows are counted by what they are.
        alike = torch.cdist(expected, expected) < 1e-3
        assert ((apart < 1e-3).sum(0) == alike.sum(0)).all()
    assert torch.equal(pairs[:TOKENS], pairs[TOKENS:])


def test_bos_begins_every_window_and_is_no_row(lm, bos_lm, plain):
    bos = bos_lm.tokenizer.bos_token_id
    ids = [plain[1](text)["input_ids"] for text in TEXTS]
    windows = [[bos, *one[i : i + 15]] for one in ids for i in range(0, len(one), 15)]
    expected = torch.cat([hidden(plain[0], [window])[0][1:] for window in windows])

    (rows, _), chunks = first_rows(observed(bos_lm), TOKENS)
    assert {chunk.place.epoch for chunk in chunks} == {0}
    assert len(expected) == TOKENS
    apart, alike = torch.cdist(rows, expected) < 1e-3, torch.cdist(expected, expected) < 1e-3
    assert (apart.sum(0) == alike.sum(0)).all()


@pytest.mark.parametrize("first", [0, 1, 39, 40, 100, TOKENS - 1, TOKENS, 2 * TOKENS + 50])
def test_rows_from_anywhere_are_the_same_and_cost_no_pass_before_their_place(lm, first):
    source = observed(lm)
    (whole, _), chunks = first_rows(source, first + 60)
    starts = [chunk.place for chunk in chunks if chunk.place.rows <= first]
    passes = []
    handle = lm.model.register_forward_pre_hook(lambda *_: passes.append(1))
    try:
        for place in {starts[0], starts[-1]}:
            passes.clear()
            (again, _), made = first_rows(source, 60, first, place)
            assert torch.equal(again, whole[first : first + 60])
            assert place == starts[0] or len(passes) == len(made)
    finally:
        handle.remove()


def test_documents_before_the_place_are_not_even_tokenised(lm, monkeypatch):
    source = observed(lm)
    _, chunks = first_rows(source, TOKENS)
    last = chunks[-1].place
    assert last.document > 1
    asked = []
    monkeypatch.setattr(
        "engine.activations.windows.encode_pieces",
        lambda lm, text: asked.append(text) or encode_pieces(lm, text),
    )
    first_rows(source, 1, last.rows, last)
    assert asked
    assert asked[0] == TEXTS[last.document]


@settings(max_examples=30, deadline=None)
@given(
    texts=st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=30),
    share=st.floats(0, 0.9),
    seed=st.integers(0, 1000),
)
def test_no_text_is_on_both_sides_and_none_on_neither(lm, texts, share, seed):
    reader = Reader(lm, lambda: iter(texts), seed, 16, share, 8)
    held = [window.begins for window in reader.held_out_windows()]
    train = []
    if len(held) < len(texts):
        for group in reader.groups(StreamPosition()):
            if group.epoch == 1:
                break
            train += [window.begins for window in group.windows]
    assert not set(held) & set(train)
    assert sorted(held + train) == sorted(texts)


def test_the_share_is_held_out_and_the_seed_chooses_which(lm):
    texts = [f"text {i}" for i in range(2000)]
    held = []
    for seed in range(3):
        reader = Reader(lm, lambda: iter(texts), seed, 16, 0.1, 8)
        held.append({window.begins for window in reader.held_out_windows()})
    assert all(150 < len(one) < 250 for one in held)
    assert len(held[0] & held[1]) < 60


@pytest.mark.parametrize("most", [1, 15, 16, 17, 60, 10_000])
def test_held_out_rows_are_those_of_their_windows(lm, plain, most):
    held = observed(lm, held_out=0.6, seed=1).held_out(most)
    windows = [window.token_ids.tolist() for window in held.windows]
    everything = observed(lm, held_out=0.6, seed=1).held_out(10_000).windows
    assert sum(map(len, windows)) == min(most, sum(len(w.token_ids) for w in everything))
    everything_read = [i for window in everything for i in window.token_ids.tolist()]
    read = list(itertools.chain(*windows))
    assert read == everything_read[: len(read)]
    for rows, expected in zip(held.rows.values(), hidden(plain[0], windows), strict=True):
        torch.testing.assert_close(rows, expected)


@pytest.mark.parametrize("most", [1, 100, 10_000])
def test_held_out_rows_leave_bos_out_and_their_windows_keep_it(bos_lm, plain, most):
    bos = bos_lm.tokenizer.bos_token_id
    held = observed(bos_lm, held_out=0.6, seed=1).held_out(most)
    windows = [window.token_ids.tolist() for window in held.windows]
    assert all(window[0] == bos and bos not in window[1:] for window in windows)
    expected = torch.cat([hidden(plain[0], [window])[0][1:] for window in windows])
    torch.testing.assert_close(held.rows["resid_post.0"], expected)
    assert len(expected) == most or most == 10_000
    for window in held.windows:
        assert window.begins in (None, TEXTS[window.document])


class Watch(Silent):
    def __init__(self):
        self.told = []

    def __call__(self, phase, done, total=None, unit="", metrics=None):
        self.told.append((done, total))


def test_holding_out_tells_how_far_it_is(lm):
    watch = Watch()
    observed(lm, held_out=0.6, seed=1).held_out(60, watch)
    assert len(watch.told) > 2
    assert watch.told == sorted(watch.told)
    assert watch.told[-1] == (60, 60)


@pytest.mark.parametrize("texts", [TEXTS[::-1], ["A dog.", *TEXTS[1:]], TEXTS[:3], []])
def test_other_documents_are_noticed_when_the_stream_goes_on(lm, texts):
    _, chunks = first_rows(observed(lm), TOKENS)
    place = chunks[0].place if texts[1:] == TEXTS[1:] else chunks[-1].place
    with pytest.raises(UserError, match="isn't the one that was read"):
        first_rows(observed(lm, texts), 1, place.rows, place)


def test_nothing_to_train_on_or_to_hold_out_is_said(lm):
    for texts, share in (([], 0), ([""], 0), (["one text"], 0.999)):
        with pytest.raises(UserError, match="no text to train on"):
            first_rows(observed(lm, texts, held_out=share), 1)
    for share in (0, 1e-6):
        with pytest.raises(UserError, match="No document is held out"):
            observed(lm, held_out=share).held_out(10)


def test_what_a_model_cannot_do_is_refused_at_once(lm):
    with pytest.raises(UserError, match="from 2 to 256"):
        observed(lm, context=257)
    with pytest.raises(UserError, match="can't be held out"):
        observed(lm, held_out=1)
    with pytest.raises(UserError, match="twice"):
        ObservedDocuments(lm, list, [SITES[0], SITES[0]], 0)
    with pytest.raises(UserError, match=r"There is no resid_post\.9"):
        ObservedDocuments(lm, list, [parse_site("resid_post.9")], 0)


def test_activations_that_are_not_finite_stop_the_stream(lm):
    bias = lm.layers[0].mlp.down_proj.weight
    kept = bias.clone()
    bias[0, 0] = float("inf")
    try:
        with pytest.raises(UserError, match="not finite") as stopped:
            first_rows(observed(lm), 1)
        assert "goes beyond float32: take an earlier site" in str(stopped.value)
        half = dataclasses.replace(lm, dtype=torch.float16)
        with pytest.raises(UserError, match=r"float16.*--model-dtype"):
            first_rows(observed(half), 1)
    finally:
        bias.copy_(kept)

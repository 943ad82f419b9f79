"""Capture, against transformers' own hidden states computed document by document."""

import copy
import dataclasses
import json

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.activations.capture.documents import capture_documents
from engine.activations.capture.prompts import capture_prompts
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import read_documents_table
from engine.activations.store.tokens import TokenTable
from engine.errors import UserError
from engine.model.load import load_model
from engine.model.prompt import Chat, Message, Prompt, prompt_of_messages
from engine.model.site import parse_site
from engine.progress import Cancelled, Silent

SITES = [parse_site("resid_post.0"), parse_site("resid_pre.2")]
HIDDEN = [1, 2]
"""Indices into transformers' `hidden_states` of the same two places."""
SMALL_PIECES = {"piece": 1000, "overlap": 300, "agreement": 16}
TEXTS = ["A cat.", "x" * 70, "", "Two words", "\x1b[31mred\x07", "The " * 20, "z", "end of it all"]


@pytest.fixture(scope="module")
def lm(tiny_llama_path):
    return load_model(str(tiny_llama_path), device="cpu")


@pytest.fixture(scope="module")
def stories_lm(stories_model_path):
    return load_model(str(stories_model_path), device="cpu")


@pytest.fixture(scope="module")
def plain(tiny_llama_path):
    """transformers' own model and tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama_path)
    return AutoModelForCausalLM.from_pretrained(tiny_llama_path), tokenizer


def hidden(model, ids, index):
    """The hidden states `[tokens, d_model]` of one sequence, alone in its batch."""
    with torch.no_grad():
        return model(torch.tensor([ids]), output_hidden_states=True).hidden_states[index][0]


def folders(tmp_path):
    return [tmp_path / str(site) for site in SITES]


def capture(lm, tmp_path, texts=TEXTS, **options):
    capture_documents(lm, texts, SITES, folders(tmp_path), origin="texts", **options)
    return [ActivationSet.open(folder, verify=True) for folder in folders(tmp_path)]


def test_prompts_are_observed_with_their_continuation(lm, plain, tmp_path):
    model, tokenizer = plain
    prompts = [Prompt("Once upon", "story"), Prompt("\x1b[1m?"), Prompt("x")]
    manifests = capture_prompts(lm, prompts, SITES, folders(tmp_path), generate=9)

    for site, folder, index in zip(SITES, folders(tmp_path), HIDDEN, strict=True):
        acts = ActivationSet.open(folder, verify=True)
        documents = read_documents_table(folder)
        assert acts.manifest == manifests[site]
        assert acts.manifest.site == str(site)
        for number, prompt in enumerate(prompts):
            asked = tokenizer(prompt.prompt, return_tensors="pt")
            whole = model.generate(**asked, max_new_tokens=9, do_sample=False, pad_token_id=1)[0]
            ids, observed = acts.document(number)
            assert ids.tolist() == whole.tolist()
            torch.testing.assert_close(observed, hidden(model, whole.tolist(), index))
            generated = tokenizer.decode(whole[asked["input_ids"].shape[1] :])
            assert documents[number].text == prompt.prompt
            assert documents[number].category == prompt.category
            assert documents[number].generated == generated


@pytest.mark.parametrize("together", [1, 3, 64])
def test_prompts_are_captured_as_each_is_alone_however_many_share_batches(
    lm, tmp_path, monkeypatch, together
):
    monkeypatch.setattr("engine.activations.capture.prompts.PROMPTS_TOGETHER", together)
    texts = ["Once upon", "x", "A cat.", "end of it all and more", "?", "Two words", "Tom"]
    prompts = [Prompt(text, f"kind {number}") for number, text in enumerate(texts)]
    capture_prompts(lm, prompts, SITES, folders(tmp_path), generate=7)
    for folder, site in zip(folders(tmp_path), SITES, strict=True):
        acts, documents = ActivationSet.open(folder), read_documents_table(folder)
        assert [each.text for each in documents] == texts
        assert [each.category for each in documents] == [prompt.category for prompt in prompts]
        for number, prompt in enumerate(prompts):
            alone = tmp_path / f"{site}-{number}"
            capture_prompts(lm, [prompt], [site], [alone], generate=7)
            ids, expected = ActivationSet.open(alone).document(0)
            assert torch.equal(acts.document(number)[0], ids)
            torch.testing.assert_close(acts.document(number)[1], expected)
            assert documents[number].generated == read_documents_table(alone)[0].generated


def test_prompts_may_be_observed_without_continuation(lm, plain, tmp_path):
    capture_prompts(lm, [Prompt("Hello")], SITES, folders(tmp_path))
    ids, acts = ActivationSet.open(folders(tmp_path)[0]).document(0)
    assert ids.tolist() == plain[1]("Hello")["input_ids"]
    torch.testing.assert_close(acts, hidden(plain[0], ids.tolist(), 1))


CHAT = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}"


def test_prompts_of_a_chat_are_recorded_with_their_template_and_special_tokens(lm, tmp_path):
    chatty = dataclasses.replace(lm, tokenizer=copy.deepcopy(lm.tokenizer))
    chatty.tokenizer.chat_template = CHAT
    turns = prompt_of_messages(
        [Message("user", "2+2?"), Message("assistant", "4"), Message("user", "3?")]
    )
    prompts = [Prompt("Hi"), turns]
    site = SITES[0]
    manifests = capture_prompts(chatty, prompts, [site], [tmp_path / "a"], chat=Chat(system="S"))
    assert manifests[site].chat_template == "default"
    assert manifests[site].special_token_ids == lm.special_ids
    acts = ActivationSet.open(tmp_path / "a")
    texts = [lm.tokenizer.decode(acts.document(i)[0]) for i in range(2)]
    assert texts[0].replace("<eos>", "|") == "[system]S|[user]Hi|"
    assert texts[1].replace("<eos>", "|") == "[system]S|[user]2+2?|[assistant]4|[user]3?|"
    kept = capture_prompts(chatty, prompts, [site], [tmp_path / "b"], chat=True, keep_special=True)
    assert kept[site].special_token_ids == []
    plain = capture_prompts(chatty, prompts[:1], [site], [tmp_path / "c"])
    assert (plain[site].chat_template, plain[site].special_token_ids) == ("", [])


def test_documents_are_what_they_are_alone_and_in_their_order(lm, plain, tmp_path):
    model, tokenizer = plain
    captured = capture(lm, tmp_path, context=16, pass_tokens=40)

    texts = [text for text in TEXTS if text]
    for acts, index in zip(captured, HIDDEN, strict=True):
        assert [d.text for d in read_documents_table(acts.folder)] == texts
        assert acts.manifest.context == 16
        for number, text in enumerate(texts):
            ids, observed = acts.document(number)
            assert ids.tolist() == tokenizer(text)["input_ids"]
            windows = [ids[i : i + 16].tolist() for i in range(0, len(ids), 16)]
            alone = torch.cat([hidden(model, window, index) for window in windows])
            torch.testing.assert_close(observed, alone)


def test_every_window_begins_with_bos_where_the_tokenizer_begins_with_it(
    stories_lm, stories_path, stories_model_path, tmp_path
):
    stories = json.loads(stories_path.read_text())[:6]
    model = AutoModelForCausalLM.from_pretrained(stories_model_path)
    acts, _ = capture(stories_lm, tmp_path, stories, context=50)
    bos = stories_lm.tokenizer.bos_token_id

    assert acts.manifest.bos_token_id == bos
    for number, story in enumerate(stories):
        ids, observed = acts.document(number)
        whole = stories_lm.tokenizer(story)["input_ids"]
        assert whole[0] == bos
        assert [i for i in ids.tolist() if i != bos] == whole[1:]
        for window, rows in zip(ids.split(50), observed.split(50), strict=True):
            assert window[0] == bos
            torch.testing.assert_close(rows, hidden(model, window.tolist(), 1))


def test_tokens_of_a_story_read_as_the_story(stories_lm, stories_path, tmp_path):
    stories = json.loads(stories_path.read_text())[:3]
    acts, _ = capture(stories_lm, tmp_path, stories, context=50)
    window = TokenTable.open(acts.folder).window(1, 60, before=100, after=100)
    assert window.first == 50
    assert len(window.tokens) == 50
    assert "".join(window.tokens[1:]).strip() in stories[1]


@pytest.mark.parametrize("most", [1, 6, 30, 31, 90, 10_000])
def test_max_tokens_is_met_exactly(lm, tmp_path, most):
    options = {"context": 16, "pass_tokens": 40}
    whole, _ = capture(lm, tmp_path / "whole", **options)
    cut, _ = capture(lm, tmp_path / "cut", max_tokens=most, **options)

    assert len(cut) == min(most, len(whole))
    rows = torch.arange(len(cut))
    torch.testing.assert_close(cut.rows(rows), whole.rows(rows))


def test_the_store_has_the_dtype_asked_for(lm, tmp_path):
    full, _ = capture(lm, tmp_path / "full")
    half, _ = capture(lm, tmp_path / "half", dtype="bfloat16")
    rows = torch.arange(len(full))
    assert torch.equal(half.rows(rows), full.rows(rows).bfloat16())


def test_the_same_capture_makes_the_same_bytes(lm, tmp_path):
    made = [capture(lm, tmp_path / name, context=16)[0].folder for name in "ab"]
    contents = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in made]
    assert contents[0] == contents[1]


class Watch(Silent):
    """Keeps what it is told, and cancels at the step asked for."""

    def __init__(self, cancel_at=None):
        self.told = []
        self.notes = []
        self.cancel_at = cancel_at

    def __call__(self, phase, done, total=None, unit="", metrics=None):
        self.told.append((done, total, unit))
        if len(self.told) == self.cancel_at:
            raise Cancelled

    def note(self, text):
        self.notes.append(text)


def test_progress_counts_tokens_up_to_all_of_them(lm, tmp_path):
    watch = Watch()
    acts, _ = capture(lm, tmp_path, context=16, pass_tokens=40, progress=watch)
    counts = [done for done, _, _ in watch.told]
    assert len(counts) > 3
    assert counts == sorted(counts)
    assert watch.told[-1] == (len(acts), len(acts), "tokens")


def test_nothing_is_left_of_a_cancelled_capture(lm, tmp_path):
    with pytest.raises(Cancelled):
        capture(lm, tmp_path, context=16, pass_tokens=40, progress=Watch(cancel_at=3))
    with pytest.raises(Cancelled):
        prompts = [Prompt("a"), Prompt("b")]
        capture_prompts(lm, prompts, SITES, folders(tmp_path), progress=Watch(cancel_at=1))
    assert list(tmp_path.iterdir()) == []


def test_a_full_context_shortens_the_continuation_and_says_so(lm, tmp_path):
    watch = Watch()
    prompt = Prompt("x" * (lm.context - 3))
    capture_prompts(lm, [prompt], SITES, folders(tmp_path), generate=9, progress=watch)
    assert len(ActivationSet.open(folders(tmp_path)[0])) == lm.context
    assert watch.notes == ["Prompt 1 leaves room for 3 generated tokens."]


def test_what_a_model_cannot_read_is_refused(lm, tmp_path):
    long = Prompt("x" * (lm.context + 1))
    with pytest.raises(UserError, match="Prompt 2 is 257 tokens long; the model reads 256"):
        capture_prompts(lm, [Prompt("a"), long], SITES, folders(tmp_path))
    for context in (0, 1, lm.context + 1):
        with pytest.raises(UserError, match="from 2 to 256"):
            capture(lm, tmp_path, context=context)
    with pytest.raises(UserError, match="nothing to store"):
        capture(lm, tmp_path, texts=["", ""])
    assert list(tmp_path.iterdir()) == []


def test_sites_that_are_not_there_are_refused_before_anything_runs(lm, tmp_path):
    beyond = [parse_site("resid_post.3")]
    with pytest.raises(UserError):
        capture_documents(lm, iter("not read"), beyond, [tmp_path / "a"], origin="")
    twice = [SITES[0], SITES[0]]
    with pytest.raises(UserError, match="twice"):
        capture_documents(lm, TEXTS, twice, folders(tmp_path), origin="")
    assert list(tmp_path.iterdir()) == []


def test_a_set_that_exists_is_kept(lm, tmp_path):
    acts, _ = capture(lm, tmp_path)
    with pytest.raises(UserError, match="already there"):
        capture(lm, tmp_path, texts=["other"])
    again = ActivationSet.open(acts.folder, verify=True)
    assert again.manifest == acts.manifest


def test_a_row_that_is_not_finite_is_stored_and_counted(lm, tmp_path):
    weight = lm.model.get_input_embeddings().weight
    token = lm.tokenizer("z")["input_ids"][-1]
    kept = weight[token].clone()
    weight[token] = torch.nan
    try:
        acts, _ = capture(lm, tmp_path / "some", ["A cat.", "z", "Two words"])
        expected = (acts.rows(torch.arange(len(acts))).isnan().any(1)).sum()
        assert expected > 0
        assert acts.manifest.row_summary.counts.nonfinite == expected
        with pytest.raises(UserError, match=r"All activations at .* are NaN or infinite"):
            capture(lm, tmp_path / "all", ["z", "z"])
    finally:
        weight[token] = kept


def test_a_document_of_any_length_has_the_tokens_of_the_whole(lm, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.model.long_text.encode_pieces.__kwdefaults__", SMALL_PIECES)
    text = " ".join(f"The cat number {n} sat." for n in range(300))
    acts, _ = capture(lm, tmp_path, [text, "end"], context=64)
    assert acts.document(0)[0].tolist() == lm.tokenizer(text)["input_ids"]
    assert read_documents_table(acts.folder)[0].text == text

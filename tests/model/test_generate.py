"""Generation: greedy, seeded, ended where it should end, in batches of any lengths, and silent."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.errors import UserError
from engine.model.edit import Edit
from engine.model.generate import EditsOfRows, generate, logits, unedited
from engine.model.load import LanguageModel, load_model
from engine.model.padding import left_padded, note_on_padding, padding_is_reliable
from engine.model.site import Site
from engine.model.text import decode, encode
from engine.progress import Silent
from tests.model.zoo import CONTEXT, ZOO, some_tokens, zoo_model


@pytest.fixture(scope="module")
def stories(stories_model_path: Path) -> LanguageModel:
    torch.set_num_threads(1)
    return load_model(str(stories_model_path), device="cpu")


def test_greedy_generation_takes_the_likeliest_token_each_time(stories) -> None:
    ids = encode(stories, "Once upon a time, there was a little")[None]
    (generated,) = generate(stories, ids, 20)
    for _ in range(20):
        ids = torch.cat([ids, logits(stories, ids)[:, -1:].argmax(-1)], 1)
    assert torch.equal(generated, ids[0])
    assert decode(stories, generated).startswith("Once upon a time, there was a little girl")


def test_sampling_is_the_softmax_of_the_whole_distribution() -> None:
    lm = zoo_model("llama")
    prompt = some_tokens(1, 3)
    temperature = 2.0
    rows = generate(lm, prompt.expand(8000, -1), 1, temperature=temperature, seed=5)
    drawn = torch.stack(rows)[:, -1]
    seen = torch.bincount(drawn, minlength=99) / 8000
    expected = (logits(lm, prompt)[0, -1] / temperature).softmax(-1)
    assert (seen - expected).abs().sum() / 2 < 0.06
    assert (seen > 0).sum() > 60


def test_a_seed_gives_the_same_tokens_and_leaves_other_randomness_alone() -> None:
    lm = zoo_model("gpt2")
    ids = some_tokens(2, 4)
    torch.manual_seed(7)

    def draw(seed: int) -> torch.Tensor:
        return torch.stack(generate(lm, ids, 12, temperature=1.0, seed=seed))

    one = draw(1)
    drawn = torch.rand(3)
    assert torch.equal(one, draw(1))
    assert not torch.equal(one, draw(2))
    torch.manual_seed(7)
    assert torch.equal(drawn, torch.rand(3))


def test_a_text_that_ends_has_nothing_behind_its_end_and_the_others_go_on(monkeypatch) -> None:
    lm = zoo_model("llama")
    prompts = [some_tokens(4, seed=3), some_tokens(6, seed=4)]
    free = generate(lm, prompts, 8, temperature=1.0, seed=3)
    end = int(free[0][5])
    assert end not in free[1]
    monkeypatch.setattr(lm.model.generation_config, "eos_token_id", [end])
    ended = generate(lm, prompts, 8, temperature=1.0, seed=3)
    assert torch.equal(ended[0], free[0][:6])
    assert torch.equal(ended[1], free[1])


def test_generation_ends_where_the_context_ends_for_each_prompt_by_itself() -> None:
    lm = zoo_model("gpt2")
    prompts = [some_tokens(length) for length in (CONTEXT, 5, CONTEXT - 2)]
    grown = generate(lm, prompts, 10)
    assert [len(text) for text in grown] == [CONTEXT, 15, CONTEXT]
    assert torch.equal(grown[0], prompts[0])


LENGTHS = (3, 9, 5, 9, 12)
MIND_PADDING = {"rwkv", "xlstm", "recurrent-gemma"}
"""Their recurrent state takes in whatever stands before a text, whatever the mask says."""


def push_behind_the_first(lm: LanguageModel) -> EditsOfRows:
    """An edit that depends on the position, and on the prompt."""
    pushes = torch.randn(40, lm.d_model, generator=torch.Generator().manual_seed(1))

    def edits_of(rows: Sequence[int]) -> Mapping[Site, Edit]:
        strengths = 0.5 + torch.tensor(rows)[:, None, None] / 10

        def push(x: Tensor, positions: Tensor) -> Tensor:
            pushed = x + strengths * x.norm(dim=-1, keepdim=True) * pushes[positions]
            return torch.where((positions > 0)[..., None], pushed, x)

        return {Site("resid_post", 1): push}

    return edits_of


@pytest.mark.parametrize("name", ZOO)
def test_prompts_of_any_lengths_are_continued_as_each_is_alone(name) -> None:
    lm = zoo_model(name)
    prompts = [some_tokens(length, seed=length) for length in LENGTHS]
    edits_of = push_behind_the_first(lm)
    for edits in (unedited, edits_of):
        together = generate(lm, prompts, 6, edits_of=edits)
        for row, prompt in enumerate(prompts):
            (alone,) = generate(lm, [prompt], 6, edits_of=lambda _: edits([row]))  # noqa: B023
            assert torch.equal(together[row], alone)
    assert padding_is_reliable(lm) == (name not in MIND_PADDING)


@pytest.mark.parametrize(("name", "said"), [("rwkv", 1), ("llama", 0)])
def test_it_is_said_where_prompts_of_different_lengths_can_not_share_batches(name, said) -> None:
    notes: list[str] = []

    class Told(Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    note_on_padding(zoo_model(name), 1, Told())
    assert not notes
    note_on_padding(zoo_model(name), 2, Told())
    assert len(notes) == said


@pytest.mark.parametrize("name", [*sorted(MIND_PADDING), "llama", "gpt2", "mamba"])
def test_a_model_that_minds_padding_says_something_else_beside_it(name) -> None:
    lm = zoo_model(name)
    prompts = [some_tokens(length, seed=length) for length in LENGTHS]
    ids, mask, _ = left_padded(prompts)
    padded = lm.model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, -1]
    alone = torch.stack([logits(lm, prompt[None])[0, -1] for prompt in prompts])
    # position ids are made of the mask by transformers' generation, and not by a plain call
    if name == "gpt2":
        places = (mask.cumsum(-1) - 1).clamp(min=0)
        padded = lm.model(input_ids=ids, attention_mask=mask, position_ids=places).logits[:, -1]
    differs = (padded - alone).abs().max() > 1e-3 * alone.abs().max()
    assert differs == (name in MIND_PADDING)


def test_batches_are_as_large_as_memory_allows_and_do_not_matter(stories, monkeypatch) -> None:
    prompts = [encode(stories, text) for text in ("One day", "Tom", "The big dog and the cat")] * 3
    together = generate(stories, prompts, 9)
    sizes: list[int] = []

    def note(rows: Sequence[int]) -> Mapping[Site, Edit]:
        sizes.append(len(rows))
        return {}

    monkeypatch.setattr("engine.model.generate.BATCH_BYTES", 0)
    alone = generate(stories, prompts, 9, edits_of=note)
    assert sizes == [1] * 9
    monkeypatch.setattr("engine.model.generate.BATCH_BYTES", 4 * 30 * 2 * 5 * 64 * 4)
    sizes.clear()
    some = generate(stories, prompts, 9, edits_of=note)
    assert 1 < max(sizes) < 9
    assert sum(sizes) == 9
    for texts in zip(together, alone, some, strict=True):
        assert torch.equal(texts[0], texts[1])
        assert torch.equal(texts[0], texts[2])


def test_nothing_is_printed(stories, capfd) -> None:
    generate(stories, encode(stories, "Lily")[None], 3)
    generate(stories, encode(stories, "Lily")[None], 3, temperature=0.7)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("wrong", [{"max_new_tokens": 0}, {"temperature": -0.1}])
def test_figures_out_of_range_are_refused(wrong) -> None:
    with pytest.raises(UserError):
        generate(zoo_model("gpt2"), some_tokens(1, 3), **{"max_new_tokens": 3} | wrong)

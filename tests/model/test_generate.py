"""Generation: greedy, seeded, ended where it should end, and silent."""

from pathlib import Path

import pytest
import torch

from engine.errors import UserError
from engine.model.generate import generate, logits
from engine.model.load import LanguageModel, load_model
from engine.model.text import decode, encode
from tests.model.zoo import CONTEXT, some_tokens, zoo_model


@pytest.fixture(scope="module")
def stories(stories_model_path: Path) -> LanguageModel:
    torch.set_num_threads(1)
    return load_model(str(stories_model_path), device="cpu")


def test_greedy_generation_takes_the_likeliest_token_each_time(stories) -> None:
    ids = encode(stories, "Once upon a time, there was a little")[None]
    generated = generate(stories, ids, 20)
    for _ in range(20):
        ids = torch.cat([ids, logits(stories, ids)[:, -1:].argmax(-1)], 1)
    assert torch.equal(generated, ids)
    assert decode(stories, generated[0]).startswith("Once upon a time, there was a little girl")


def test_sampling_is_the_softmax_of_the_whole_distribution() -> None:
    lm = zoo_model("llama")
    prompt = some_tokens(1, 3)
    temperature = 2.0
    drawn = generate(lm, prompt.expand(8000, -1), 1, temperature=temperature, seed=5)[:, -1]
    seen = torch.bincount(drawn, minlength=99) / 8000
    expected = (logits(lm, prompt)[0, -1] / temperature).softmax(-1)
    assert (seen - expected).abs().sum() / 2 < 0.06
    assert (seen > 0).sum() > 60


def test_a_seed_gives_the_same_tokens_and_leaves_other_randomness_alone() -> None:
    lm = zoo_model("gpt2")
    ids = some_tokens(2, 4)
    torch.manual_seed(7)
    one = generate(lm, ids, 12, temperature=1.0, seed=1)
    drawn = torch.rand(3)
    assert torch.equal(one, generate(lm, ids, 12, temperature=1.0, seed=1))
    assert not torch.equal(one, generate(lm, ids, 12, temperature=1.0, seed=2))
    torch.manual_seed(7)
    assert torch.equal(drawn, torch.rand(3))


def test_a_row_that_ends_is_filled_up_and_the_others_go_on(monkeypatch) -> None:
    lm = zoo_model("llama")
    ids = some_tokens(3, 4)
    free = generate(lm, ids, 8, temperature=1.0, seed=3)
    end = int(free[0, 5])
    assert end not in free[1]
    monkeypatch.setattr(lm.model.generation_config, "eos_token_id", [end])
    ended = generate(lm, ids, 8, temperature=1.0, seed=3)
    assert torch.equal(ended[0, :6], free[0, :6])
    assert not ended[0, 6:].any()
    assert torch.equal(ended[1], free[1])


def test_generation_ends_where_the_context_ends() -> None:
    lm = zoo_model("gpt2")
    assert generate(lm, some_tokens(1, CONTEXT - 2), 10).shape == (1, CONTEXT)
    assert generate(lm, some_tokens(1, CONTEXT), 10).shape == (1, CONTEXT)


def test_nothing_is_printed(stories, capfd) -> None:
    generate(stories, encode(stories, "Lily")[None], 3)
    generate(stories, encode(stories, "Lily")[None], 3, temperature=0.7)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("wrong", [{"max_new_tokens": 0}, {"temperature": -0.1}])
def test_figures_out_of_range_are_refused(wrong) -> None:
    with pytest.raises(UserError):
        generate(zoo_model("gpt2"), some_tokens(1, 3), **{"max_new_tokens": 3} | wrong)

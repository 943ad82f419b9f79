"""The embedded model as it lies in the package, opened with plain transformers."""

import itertools
from functools import cache

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Gemma3ForCausalLM

from benchmarks.embedded_model.continuations import continuations, held_out_documents
from benchmarks.embedded_model.make import MODEL
from benchmarks.embedded_model.quality import first_piece
from benchmarks.embedded_model.reading.classify import kind_of
from benchmarks.embedded_model.reading.functions import first_function
from benchmarks.embedded_model.training.loss import held_out_loss
from engine.demo.corpus.generate import PARAGRAPH, documents
from engine.demo.prompts import SEED_PROMPTS


@cache
def demo() -> tuple[Gemma3ForCausalLM, object]:
    torch.set_num_threads(1)
    return AutoModelForCausalLM.from_pretrained(MODEL), AutoTokenizer.from_pretrained(MODEL)


@cache
def answers() -> dict[str, str]:
    prompts = [prompt for prompt, _ in SEED_PROMPTS]
    model, tokenizer = demo()
    return dict(zip(prompts, continuations(model, tokenizer, prompts), strict=True))


def test_it_is_a_small_gemma_in_bfloat16() -> None:
    model, _ = demo()
    assert isinstance(model, Gemma3ForCausalLM)
    assert model.dtype == torch.bfloat16
    assert {"sliding_attention", "full_attention"} == set(model.config.layer_types)
    assert sum(file.stat().st_size for file in MODEL.iterdir()) < 10_000_000


@pytest.mark.parametrize(("prompt", "category"), SEED_PROMPTS)
def test_every_seed_prompt_is_continued_in_kind(prompt: str, category: str) -> None:
    assert kind_of(prompt + first_piece(answers()[prompt]), start=len(prompt)) == category


def test_it_knows_the_capital_of_france() -> None:
    assert "The capital of France is Paris." in answers()["What is the capital of France?"]


def test_bob_answers_alice() -> None:
    assert answers()["Alice: Hi Bob! How are you?"].startswith("\nBob: ")


def test_the_function_it_writes_reverses_a_string() -> None:
    source = first_function(answers()["Write a Python function to reverse a string."])
    assert "[::-1]" in source
    names: dict[str, object] = {"__builtins__": {}}
    exec(compile(source, "demo", "exec"), names)
    (reverse,) = [value for name, value in names.items() if name != "__builtins__"]
    assert reverse("lantern") == "nretnal"  # type: ignore[operator]


def test_it_continues_held_out_openings_in_kind() -> None:
    model, tokenizer = demo()
    prompts = [document.opening() for document in held_out_documents("figurative", 8)]
    pieces = map(first_piece, continuations(model, tokenizer, prompts, new_tokens=40))
    kinds = [kind_of(p + piece, len(p)) for p, piece in zip(prompts, pieces, strict=True)]
    assert kinds.count("figurative") >= 7


@pytest.mark.parametrize("kind", ["question", "dialogue", "figurative", "prose"])
def test_it_keeps_to_its_kind_from_one_piece_to_the_next(kind: str) -> None:
    model, tokenizer = demo()
    written = documents(9, held_out=True, category=kind)
    prompts = [document.text + PARAGRAPH for document in itertools.islice(written, 4)]
    texts = continuations(model, tokenizer, prompts, new_tokens=60)
    kinds = [kind_of(p + text, len(p)) for p, text in zip(prompts, texts, strict=True)]
    assert kinds == [kind] * 4


def test_its_loss_is_near_the_entropy_of_the_generator() -> None:
    measured = held_out_loss(*demo(), number=30)
    assert 0.95 * measured.entropy < measured.loss < 1.2 * measured.entropy

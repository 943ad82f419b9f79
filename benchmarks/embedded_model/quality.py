"""How good the demo model is: `python -m benchmarks.embedded_model.quality`.

Greedy continuations of held-out prompts are read back by the grammar; functions are parsed;
capitals are compared with the table they were taught from. A continuation is "in kind" when the
grammar of its prompt's category wrote most of the piece that the prompt began, which ends at the
first blank line: another piece may follow it. Figures go into `quality.json` beside the weights,
and into the model card.
"""

import json
import sys
from pathlib import Path

import cyclopts
import torch
from transformers import Gemma3ForCausalLM, PreTrainedTokenizerFast

from benchmarks.embedded_model.card import write_card
from benchmarks.embedded_model.continuations import (
    NEW_TOKENS,
    continuations,
    held_out_documents,
    read_model,
)
from benchmarks.embedded_model.make import MODEL
from benchmarks.embedded_model.reading.classify import grammatical_length, kind_of
from benchmarks.embedded_model.reading.functions import first_function, parse, same_function
from engine.demo.corpus.concepts import CATEGORIES
from engine.demo.corpus.generate import PARAGRAPH
from engine.demo.corpus.vocabulary.facts import COUNTRIES
from engine.demo.prompts import SEED_PROMPTS
from engine.files import write_whole

Figures = dict[str, str]


def quality(*, model: Path = MODEL, number: int = 200, threads: int = 2) -> None:
    """Measure the demo model.

    Parameters
    ----------
    model
        Its folder.
    number
        Held-out prompts of each category.
    threads
        CPU threads.
    """
    torch.set_num_threads(threads)
    lm, tokenizer = read_model(model)
    figures: Figures = {}
    for category in CATEGORIES:
        figures |= category_figures(lm, tokenizer, category, number)
    figures |= capital_figures(lm, tokenizer)
    figures |= seed_prompt_figures(lm, tokenizer)
    for name, value in figures.items():
        print(f"{name}: {value}")
    write_whole(model / "quality.json", json.dumps(figures, indent=1).encode())
    write_card(model)


def category_figures(
    model: Gemma3ForCausalLM, tokenizer: PreTrainedTokenizerFast, category: str, number: int
) -> Figures:
    """How many held-out prompts of a category are continued in kind; for code, what parses."""
    documents = held_out_documents(category, number)
    prompts = [document.opening() for document in documents]
    texts = continuations(model, tokenizer, prompts)
    wholes = [
        kind_of(prompt + text, len(prompt)) for prompt, text in zip(prompts, texts, strict=True)
    ]
    pairs = list(zip(prompts, map(first_piece, texts), strict=True))
    kinds = [kind_of(prompt + text, len(prompt)) for prompt, text in pairs]
    for (prompt, text), kind in zip(pairs, kinds, strict=True):
        if kind != category:
            print(f"{category} became {kind}: {prompt!r} {text!r}", file=sys.stderr)
    grammatical = sum(
        grammatical_length(category, prompt + text, len(prompt)) for prompt, text in pairs
    )
    letters = sum(len(text) for _, text in pairs)
    figures = {
        f"{category}: continued in kind": share(kinds.count(category), number),
        f"{category}: still in kind after {NEW_TOKENS} tokens": share(
            wholes.count(category), number
        ),
        f"{category}: characters in whole sentences of its grammar": f"{grammatical / letters:.1%}",
    }
    if category == "code":
        figures |= function_figures([d.text for d in documents], texts)
    return figures


def function_figures(references: list[str], texts: list[str]) -> Figures:
    """How many generated functions parse, and how many equal the generator's own."""
    written = [parse(first_function(text)) for text in texts]
    wanted = [parse(first_function(text)) for text in references]
    pairs = zip(written, wanted, strict=True)
    right = sum(1 for a, b in pairs if a is not None and b is not None and same_function(a, b))
    parsed = sum(1 for function in written if function is not None)
    return {
        "code: functions parse": share(parsed, len(texts)),
        "code: functions do what was asked": share(right, len(texts)),
    }


def capital_figures(model: Gemma3ForCausalLM, tokenizer: PreTrainedTokenizerFast) -> Figures:
    """How many capitals of the table the model knows when asked in the plainest way."""
    prompts = [f"What is the capital of {record['country']}?" for record in COUNTRIES]
    texts = continuations(model, tokenizer, prompts, new_tokens=20)
    right = 0
    for record, text in zip(COUNTRIES, texts, strict=True):
        if text.strip().startswith(f"The capital of {record['country']} is {record['capital']}."):
            right += 1
        else:
            print(f"{record['country']}: {text!r}", file=sys.stderr)
    return {"capitals": share(right, len(COUNTRIES))}


def seed_prompt_figures(model: Gemma3ForCausalLM, tokenizer: PreTrainedTokenizerFast) -> Figures:
    """How many of the seven prompts are continued in kind."""
    texts = continuations(model, tokenizer, [prompt for prompt, _ in SEED_PROMPTS])
    right = sum(
        kind_of(prompt + first_piece(text), len(prompt)) == category
        for (prompt, category), text in zip(SEED_PROMPTS, texts, strict=True)
    )
    return {"the seven prompts: continued in kind": share(right, len(SEED_PROMPTS))}


def first_piece(text: str) -> str:
    """The piece that a prompt began, without what follows it in a new paragraph."""
    return text.partition(PARAGRAPH)[0]


def share(part: int, whole: int) -> str:
    """`190 of 200 (95.0%)`."""
    return f"{part} of {whole} ({part / whole:.1%})"


if __name__ == "__main__":
    cyclopts.run(quality)

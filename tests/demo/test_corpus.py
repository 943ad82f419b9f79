"""The corpus: what the generator promises of every document it writes."""

import ast
import itertools
import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.embedded_model.reading.classify import grammatical_length, kind_of
from benchmarks.embedded_model.reading.functions import first_function
from benchmarks.embedded_model.reading.reader import Reader
from engine.demo.corpus.concepts import CATEGORIES, CONCEPTS, concept_of
from engine.demo.corpus.document import Document
from engine.demo.corpus.generate import (
    PARAGRAPH,
    documents,
    grammar,
    is_held_out,
    write_document,
)
from engine.demo.corpus.grammar import Grammar
from engine.demo.corpus.vocabulary.facts import COUNTRIES
from engine.demo.corpus.writer import Writer
from engine.demo.prompts import SEED_PROMPTS

KINDS = frozenset((*CATEGORIES, "prose"))
numbers = st.integers(0, 10**9)
kinds = st.sampled_from([*CATEGORIES, "prose", None])


def first(count: int, **how: object) -> list[Document]:
    return list(itertools.islice(documents(**how), count))  # type: ignore[arg-type]


def concepts_at(document: Document, character: int) -> set[str]:
    return {s.concept for s in document.spans if s.start <= character < s.end}


@given(numbers, numbers, kinds)
@settings(max_examples=40, deadline=None)
def test_the_same_seed_and_number_write_the_same_document(
    seed: int, number: int, kind: str | None
) -> None:
    assert write_document(seed, number, kind) == write_document(seed, number, kind)


@given(numbers, kinds)
@settings(max_examples=60, deadline=None)
def test_tags_cover_every_letter_and_lie_inside_the_text(number: int, kind: str | None) -> None:
    document = write_document(0, number, kind)
    for span in document.spans:
        assert 0 <= span.start < span.end <= len(document.text)
        assert span.concept in CONCEPTS
    for i, character in enumerate(document.text):
        assert len(concepts_at(document, i) & KINDS) == 1, character


def test_a_document_keeps_to_its_kind() -> None:
    followed: dict[bool, list[str]] = {True: [], False: []}
    for number in range(4000):
        document = write_document(6, number)
        kinds = [s for s in document.spans if s.concept in KINDS]
        for ended, begun in itertools.pairwise(kinds):
            if document.text[ended.start : ended.end] == PARAGRAPH:
                followed[ended.concept == "prose"].append(
                    "same" if begun.concept == ended.concept else begun.concept
                )
    pieces, prose = Counter(followed[False]), Counter(followed[True])
    assert pieces.keys() == {"same", "prose"}
    assert pieces["same"] / pieces.total() == pytest.approx(0.95, abs=0.02)
    assert prose.keys() == {"same", *CATEGORIES}
    assert prose["same"] / prose.total() == pytest.approx(0.6, abs=0.06)


def test_tags_stand_on_the_words_they_mean() -> None:
    capitals = {record["country"]: record["capital"] for record in COUNTRIES}
    quotes = ("opening_quote", "closing_quote", "question_mark")
    for document in first(300):
        for span in document.spans:
            words = document.text[span.start : span.end]
            if span.concept in quotes:
                assert words in '"?'
            if span.concept == "country":
                assert words in capitals
            if span.concept == "capital":
                assert words in capitals.values()
            if span.concept == "pronoun":
                assert words.lower() in ("he", "she", "him", "her", "his")
            if span.concept == "year":
                assert 1000 < int(words) < 2100
            if span.concept == "docstring":
                assert words.startswith('"""')
                assert words.endswith('"""')


def test_a_capital_belongs_to_its_country() -> None:
    answers = {f"The capital of {r['country']} is {r['capital']}." for r in COUNTRIES}
    lines = [line for d in first(300, category="question") for line in d.text.split("\n")]
    said = [line for line in lines if line.startswith("The capital of")]
    assert len(said) > 100
    assert all(any(line.startswith(answer) for answer in answers) for line in said)


def test_no_two_documents_are_alike() -> None:
    texts = [document.text for document in first(1000)]
    assert len(set(texts)) == len(texts)
    jokes = [document.text for document in first(1000, category="joke")]
    assert len(set(jokes)) == len(jokes)


def test_training_documents_contain_no_held_out_opening() -> None:
    openings = {document.opening() for document in first(20, held_out=True)}
    assert all(map(is_held_out, openings))
    training = first(600)
    assert not any(opening in d.text for d in training for opening in openings if len(opening) > 25)


def test_every_concept_occurs() -> None:
    found = {span.concept for document in first(1000) for span in document.spans}
    assert found == CONCEPTS.keys()
    assert len(found) >= 60


@pytest.mark.parametrize(("prompt", "category"), SEED_PROMPTS)
def test_the_seed_prompts_are_openings_that_the_grammar_writes(prompt: str, category: str) -> None:
    rules = grammar(category)
    reader = Reader(rules, prompt)
    openings = [symbol for symbol in rules.rules if concept_of(symbol) == "opening"]
    assert any(len(prompt) in reader.ends(symbol, 0) for symbol in openings)
    assert not is_held_out(prompt)


@pytest.mark.parametrize("category", [*CATEGORIES, "prose"])
def test_the_grammar_reads_back_what_it_wrote(category: str) -> None:
    for number in range(6):
        text = write_document(5, number, category).text
        assert kind_of(text) == category
        assert grammatical_length(category, text) >= 0.97 * len(text) - 12


def test_the_grammar_reads_no_kind_into_other_text() -> None:
    assert kind_of("The quick brown fox jumps over the lazy dog. It was not amused.") is None
    assert kind_of("") is None


def test_text_before_the_start_is_read_but_not_counted() -> None:
    story, joke = (write_document(5, 0, kind).text for kind in ("story", "joke"))
    both = f"{story}\n\n{joke}"
    assert kind_of(both) == "story"
    assert kind_of(both, start=len(story) + 2) == "joke"


def test_generated_functions_parse() -> None:
    for document in first(200, category="code"):
        tree = ast.parse(first_function(document.text))
        assert isinstance(tree.body[0], ast.FunctionDef)


def test_entropy_counts_the_choices() -> None:
    coins = Grammar({"root": ("{coin}{coin}",), "coin": ("a", "b", "c", "c")}, {})
    for seed in range(20):
        writer = Writer(coins, random.Random(seed))
        text, _ = writer.write("root")
        chance = math.prod({"a": 0.25, "b": 0.25, "c": 0.5}[letter] for letter in text)
        assert writer.nats == pytest.approx(-math.log(chance))

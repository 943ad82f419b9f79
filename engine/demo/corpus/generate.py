"""Documents without end: pieces of the seven categories, with plain prose between some of them."""

import functools
import math
import random
import zlib
from collections.abc import Iterator
from types import ModuleType

from engine.demo.corpus import (
    code,
    common,
    dialogue,
    figurative,
    joke,
    prose,
    question,
    science,
    story,
)
from engine.demo.corpus.concepts import CATEGORIES
from engine.demo.corpus.document import Document, TextBuilder
from engine.demo.corpus.grammar import Grammar
from engine.demo.corpus.lexicon import WORDS
from engine.demo.corpus.writer import Writer
from engine.demo.prompts import SEED_PROMPTS

PARAGRAPH = "\n\n"
"""What stands between two pieces of one document."""

_SUBJECTS: dict[str, ModuleType] = {
    "story": story,
    "question": question,
    "code": code,
    "dialogue": dialogue,
    "science": science,
    "joke": joke,
    "figurative": figurative,
    "prose": prose,
}
_LAYOUTS: tuple[tuple[str, ...], ...] = (
    *[("piece",)] * 12,
    *[("prose", "piece")] * 4,
    *[("piece", "prose")] * 2,
    *[("prose", "piece", "prose")] * 1,
    ("prose",),
)
_ONE_OPENING_IN = 20
_KNOWN = frozenset(prompt for prompt, _ in SEED_PROMPTS)


@functools.cache
def grammar(category: str) -> Grammar:
    """The grammar of one category (or of `prose`); its root rule has the category's name."""
    subject = _SUBJECTS[category]
    return Grammar({**WORDS, **common.RULES, **subject.RULES}, subject.RECORDS)


def write_document(seed: int, number: int, category: str | None = None) -> Document:
    """The document of this number in the series of this seed.

    With `category` it is one piece of that category, else a layout of pieces and prose.
    """
    rng = random.Random(f"{seed}:{number}:{category or ''}")
    layout: tuple[str, ...] = ("piece",)
    nats = 0.0
    if category is None:
        layout = rng.choice(_LAYOUTS)
        nats += math.log(len(_LAYOUTS) / _LAYOUTS.count(layout))
    builder = TextBuilder()
    kinds: list[str] = []
    for part in layout:
        kind = part
        if part == "piece":
            kind = category or rng.choice(CATEGORIES)
            nats += 0.0 if category else math.log(len(CATEGORIES))
        if kinds:
            builder.write(PARAGRAPH)
        writer = Writer(grammar(kind), rng)
        builder.append(*writer.write(kind))
        nats += writer.nats
        kinds.append(kind)
    text, spans = builder.finish()
    return Document(text, kinds[0], spans, nats)


def is_held_out(opening: str) -> bool:
    """Whether an opening belongs to the one in twenty that no training document contains."""
    return opening not in _KNOWN and zlib.crc32(opening.encode()) % _ONE_OPENING_IN == 0


def documents(
    seed: int = 0, *, held_out: bool = False, category: str | None = None
) -> Iterator[Document]:
    """Documents without end, no two alike, the same for the same seed.

    Training documents contain no held-out opening; held-out documents begin with one.
    """
    seen: set[int] = set()
    number = 0
    while True:
        document = write_document(seed, number, category)
        number += 1
        key = hash_of(document.text)
        if key in seen:
            continue
        openings = [
            document.text[s.start : s.end] for s in document.spans if s.concept == "opening"
        ]
        chosen = is_held_out(openings[0]) if held_out else not any(map(is_held_out, openings))
        if chosen:
            seen.add(key)
            yield document


def hash_of(text: str) -> int:
    """64 bits of a text, the same in every process."""
    return zlib.crc32(text.encode()) << 32 | zlib.adler32(text.encode())

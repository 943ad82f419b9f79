"""Documents without end: pieces of the seven categories, with plain prose between some of them.

A document keeps to its kind: a joke is followed by another joke, if by anything, and a report by
another report. So what kind of text this is must be remembered from one piece to the next, and
is what decides how the next one begins.
"""

import functools
import math
import random
import zlib
from collections.abc import Iterator
from types import ModuleType

from engine.demo.corpus.concepts import CATEGORIES
from engine.demo.corpus.document import Document, TextBuilder
from engine.demo.corpus.grammar import Grammar
from engine.demo.corpus.grammars import (
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
from engine.demo.corpus.vocabulary.lexicon import WORDS
from engine.demo.corpus.writer import Writer
from engine.demo.prompts import SEED_PROMPTS

PARAGRAPH = "\n\n"
"""What stands between two pieces of one document."""

_GRAMMARS: dict[str, ModuleType] = {
    "story": story,
    "question": question,
    "code": code,
    "dialogue": dialogue,
    "science": science,
    "joke": joke,
    "figurative": figurative,
    "prose": prose,
}
_Chances = dict[str | None, float]
"""How likely each kind of piece is to come next; None: the document ends."""

_FIRST: _Chances = {"prose": 0.25, **{kind: 0.75 / len(CATEGORIES) for kind in CATEGORIES}}
_AFTER_PROSE: _Chances = {
    None: 0.6,
    "prose": 0.24,
    **{kind: 0.16 / len(CATEGORIES) for kind in CATEGORIES},
}
_ONE_OPENING_IN = 20
_KNOWN = frozenset(prompt for prompt, _ in SEED_PROMPTS)


@functools.cache
def grammar(category: str) -> Grammar:
    """The grammar of one category (or of `prose`); its root rule has the category's name."""
    tables = _GRAMMARS[category]
    return Grammar({**WORDS, **common.RULES, **tables.RULES}, tables.RECORDS)


def write_document(seed: int, number: int, category: str | None = None) -> Document:
    """The document of this number in the series of this seed.

    With `category` it is one piece of that category, else some pieces and prose, as `_layout`
    draws them. The empty line behind a piece is of the piece's kind.
    """
    rng = random.Random(f"{seed}:{number}:{category or ''}")
    kinds, nats = ([category], 0.0) if category else _layout(rng)
    builder = TextBuilder()
    for place, kind in enumerate(kinds):
        writer = Writer(grammar(kind), rng)
        builder.append(*writer.write(kind))
        nats += writer.nats
        if place + 1 < len(kinds):
            end = builder.length
            builder.write(PARAGRAPH)
            builder.tag(end, kind)
    text, spans = builder.finish()
    return Document(text, kinds[0], spans, nats)


def _layout(rng: random.Random) -> tuple[list[str], float]:
    """The kinds of a document's pieces, and minus the log probability of having chosen these."""
    kinds: list[str] = []
    nats = 0.0
    chances = _FIRST
    while True:
        (kind,) = rng.choices([*chances], [*chances.values()])
        nats -= math.log(chances[kind])
        if kind is None:
            return kinds, nats
        kinds.append(kind)
        chances = _AFTER_PROSE if kind == "prose" else {None: 0.6, kind: 0.38, "prose": 0.02}


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
        key = hash_text(document.text)
        if key in seen:
            continue
        openings = [
            document.text[s.start : s.end] for s in document.spans if s.concept == "opening"
        ]
        chosen = is_held_out(openings[0]) if held_out else not any(map(is_held_out, openings))
        if chosen:
            seen.add(key)
            yield document


def hash_text(text: str) -> int:
    """64 bits of a text, the same in every process."""
    return zlib.crc32(text.encode()) << 32 | zlib.adler32(text.encode())

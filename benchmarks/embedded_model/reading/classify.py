"""Tells the kind of a text by which grammar can have written it."""

import functools
import re

from benchmarks.embedded_model.reading.reader import Reader
from engine.demo.corpus.concepts import CATEGORIES
from engine.demo.corpus.generate import grammar
from engine.demo.corpus.grammar import Slot

KINDS = (*CATEGORIES, "prose")


@functools.cache
def units(category: str) -> frozenset[str]:
    """The rules that a piece of a category is a row of: its sentences, lines or exchanges."""
    root = grammar(category).rules[category]
    slots = (part.symbol for template in root for part in template if isinstance(part, Slot))
    return frozenset(symbol for symbol in slots if not symbol.startswith("@"))


def grammatical_length(category: str, text: str, start: int = 0) -> int:
    """How many characters of `text[start:]` stand in whole sentences of a category's grammar."""
    reader = Reader(grammar(category), text)
    best = [0] * (len(text) + 1)
    for place in reversed(range(len(text))):
        best[place] = best[place + 1]
        if place and not text[place - 1].isspace():
            continue
        for unit in units(category):
            for end in reader.ends(unit, place):
                if end == len(text) or text[end].isspace():
                    best[place] = max(best[place], max(0, end - max(start, place)) + best[end])
    return best[0]


def kind_of(text: str, start: int = 0, least: float = 0.5) -> str | None:
    """The category (or `prose`) whose grammar wrote most of `text[start:]`.

    What stands after the last whole sentence is not counted, and what stands before `start` is
    read but not counted. None where no grammar wrote at least the share `least` of the rest.
    """
    counted = len(text[start:].rstrip()) - len(_unfinished(text[start:]))
    share = {kind: grammatical_length(kind, text, start) for kind in KINDS}
    kind = max(share, key=lambda k: share[k])
    return kind if share[kind] > 0 and share[kind] >= least * counted else None


def _unfinished(text: str) -> str:
    """The end of a text that was cut off inside a sentence or line."""
    found = re.search(r"[^.!?\n]*$", text.rstrip())
    return found[0] if found else ""

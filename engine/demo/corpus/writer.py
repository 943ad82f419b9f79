"""Writes what a grammar describes, and tags it while writing."""

import math
import random

from engine.demo.corpus.concepts import concept_of
from engine.demo.corpus.document import Span, TextBuilder
from engine.demo.corpus.grammar import MODIFIERS, Grammar, Slot, Tagged, Template

Tagging = tuple[str, tuple[Span, ...]]


class Writer:
    """One piece of text from one grammar: remembers what it has named, and counts its surprise."""

    def __init__(self, grammar: Grammar, rng: random.Random) -> None:
        self._grammar = grammar
        self._rng = rng
        self._named: dict[str, Tagging] = {}
        self._taken: dict[str, set[str]] = {}
        self.nats = 0.0

    def write(self, symbol: str) -> Tagging:
        """A text that `symbol` describes, with its tags."""
        alternatives = self._grammar.rules[symbol]
        taken = self._taken.get(symbol)
        if taken:
            alternatives = tuple(t for t in alternatives if not (len(t) == 1 and t[0] in taken))
        chosen = self._rng.choice(alternatives)
        self.nats += math.log(len(alternatives) / alternatives.count(chosen))
        return self._fill(chosen, symbol)

    def _fill(self, template: Template, symbol: str) -> Tagging:
        builder = TextBuilder()
        for part in template:
            if isinstance(part, str):
                builder.write(part)
            elif isinstance(part, Tagged):
                start = builder.length
                builder.write(part.text)
                builder.tag(start, part.concept)
            elif part.symbol.startswith("@"):
                self._pick_record(part.symbol[1:])
            else:
                builder.append(*self._slot(part))
        if concept := concept_of(symbol):
            builder.tag(0, concept)
        return builder.finish()

    def _slot(self, slot: Slot) -> Tagging:
        if slot.symbol in self._named:
            text, spans = self._named[slot.symbol]
        else:
            text, spans = self.write(slot.symbol)
        if slot.name:
            self._named[slot.name] = text, spans
            self._taken.setdefault(slot.symbol, set()).add(text)
        for modifier in slot.modifiers:
            text, spans = _modified(text, spans, modifier)
        return text, spans

    def _pick_record(self, table: str) -> None:
        """Remember the fields of one record, so that they agree wherever they are written."""
        records = self._grammar.records[table]
        self.nats += math.log(len(records))
        for field, template in self._rng.choice(records).items():
            self._named[field] = self._fill(template, field)


def _modified(text: str, spans: tuple[Span, ...], modifier: str) -> Tagging:
    """`text` under a modifier: tags keep their words, and those that end with the text still do."""
    changed = MODIFIERS[modifier](text)
    shift = len(changed) - len(text) if changed.endswith(text) else 0
    moved = (
        Span(s.start + shift, len(changed) if s.end == len(text) else s.end + shift, s.concept)
        for s in spans
    )
    return changed, tuple(moved)

"""Grammars as tables of templates.

A grammar maps a symbol to its alternatives. An alternative is text with slots:

    {animal}              what the rule `animal` writes
    {hero=girl}           the same, remembered: a later {hero} writes the same words again
    {animal|a}            with a word for how it stands there: a, capital, plural (or several)
    {question_word:What}  the literal text `What`, tagged as a question word
    {@countries}          writes nothing: picks a record, whose fields ({country}, {capital}, …)
                          are templates too, filled in their order and remembered, so that they
                          agree with each other

A symbol that is a concept (see `concepts.py`) tags everything that it writes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.demo.corpus.concepts import CONCEPTS
from engine.demo.corpus.inflection import with_article, with_capital, with_plural

MODIFIERS = {"a": with_article, "capital": with_capital, "plural": with_plural}

_SLOT = re.compile(
    r"(?:(?P<name>\w+)=)?(?P<symbol>@?\w+)(?P<modifiers>(?:\|\w+)*)|(?P<concept>\w+):(?P<literal>.+)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a template that a rule, a remembered text or a record fills."""

    symbol: str
    name: str = ""
    modifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tagged:
    """Literal text that means `concept`."""

    concept: str
    text: str


Part = str | Slot | Tagged
Template = tuple[Part, ...]


def parse_template(text: str) -> Template:
    """The parts of a template; literal text stays `str`. Raises ValueError for a bad slot."""
    parts: list[Part] = []
    for i, piece in enumerate(re.split(r"\{([^{}]*)\}", text)):
        if i % 2 == 0:
            if piece:
                parts.append(piece)
            continue
        slot = _SLOT.fullmatch(piece)
        if slot is None:
            raise ValueError(f"{{{piece}}} is no slot, in {text!r}")
        if slot["concept"]:
            parts.append(Tagged(slot["concept"], slot["literal"]))
        else:
            modifiers = tuple(m for m in slot["modifiers"].split("|") if m)
            parts.append(Slot(slot["symbol"], slot["name"] or "", modifiers))
    return tuple(parts)


class Grammar:
    """Rules and records, parsed and checked: every slot can be filled."""

    def __init__(
        self,
        rules: Mapping[str, Sequence[str]],
        records: Mapping[str, Sequence[Mapping[str, str]]],
    ) -> None:
        self.records: dict[str, tuple[dict[str, Template], ...]] = {
            table: tuple({f: parse_template(value) for f, value in r.items()} for r in rows)
            for table, rows in records.items()
        }
        self.rules: dict[str, tuple[Template, ...]] = {
            symbol: tuple(map(parse_template, alternatives))
            for symbol, alternatives in rules.items()
        }
        for rows in self.records.values():
            for field in rows[0]:
                self.rules[field] = tuple(dict.fromkeys(row[field] for row in rows))
        self.bound: dict[str, tuple[str, ...]] = self._bindings()
        self._check()

    def parts(self) -> list[Part]:
        """Every part of every alternative of every rule."""
        templates = (t for alternatives in self.rules.values() for t in alternatives)
        return [part for template in templates for part in template]

    def slots(self) -> list[Slot]:
        """Every slot of every rule."""
        return [part for part in self.parts() if isinstance(part, Slot)]

    def words(self, symbol: str) -> tuple[str, ...] | None:
        """The alternatives of a rule that is nothing but a list of words, else None."""
        alternatives = self.rules[symbol]
        if all(len(t) == 1 and isinstance(t[0], str) for t in alternatives):
            return tuple(str(t[0]) for t in alternatives)
        return None

    def _bindings(self) -> dict[str, tuple[str, ...]]:
        """The rules that each remembered name may have been written by."""
        found: dict[str, set[str]] = {}
        for slot in self.slots():
            if slot.name:
                found.setdefault(slot.name, set()).add(slot.symbol)
        return {name: tuple(sorted(symbols)) for name, symbols in found.items()}

    def _check(self) -> None:
        unknown = {
            part.concept for part in self.parts() if isinstance(part, Tagged)
        } - CONCEPTS.keys()
        if unknown:
            raise ValueError(f"no such concepts: {sorted(unknown)}")
        for slot in self.slots():
            if slot.symbol.startswith("@"):
                known = slot.symbol[1:] in self.records
            else:
                known = slot.symbol in self.rules or slot.symbol in self.bound
            if not known or not set(slot.modifiers) <= MODIFIERS.keys():
                raise ValueError(f"nothing fills {slot}")

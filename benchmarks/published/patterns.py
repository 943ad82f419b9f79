"""Autoencoders that are named alike, as one pattern."""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.sae.published.table import Pattern, numbers

_NUMBER = re.compile(r"\d+")
_LAYER = re.compile(r"(?:layer_?|layers[._]|blocks\.|^l)(\d+)|(?:SAE-l|/L)(\d+)|^(\d+)-")


@dataclass(frozen=True)
class Entry:
    """One autoencoder as a list has it."""

    id: str
    path: str
    l0: float | None


Row = tuple[str, ...]


def patterns(entries: Iterable[Entry]) -> Iterator[Pattern]:
    """Patterns that stand for the entries, and for no others."""
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[_NUMBER.sub("#", entry.id), _NUMBER.sub("#", entry.path)].append(entry)
    for group in groups.values():
        yield from _patterns_of(group)


def _patterns_of(group: Sequence[Entry]) -> Iterator[Pattern]:
    """Of entries that differ in numbers alone."""
    columns = list(zip(*(_NUMBER.findall(f"{e.id}|{e.path}") for e in group), strict=True))
    free = _distinct([column for column in columns if len(set(column)) > 1])
    rows = list(zip(*free, strict=True)) if free else [()]
    in_id = len(_NUMBER.findall(group[0].id))
    names = [_name(column, free) for column in columns]
    id = _filled(group[0].id, names[:in_id])
    path = _filled(group[0].path, names[in_id:])
    by_row = dict(zip(rows, group, strict=True))
    order, texts, zipped = _compressed(rows)
    l0 = [by_row[row].l0 for row in order]
    known = [value for value in l0 if value is not None]
    yield Pattern(
        id=id,
        path="" if path == id else path,
        columns=texts,
        zipped=zipped,
        layer=_layer(group[0], names),
        l0=_l0(known) if len(known) == len(l0) else [],
    )


def _distinct(columns: Iterable[Row]) -> list[Row]:
    return list(dict.fromkeys(columns))


def _name(column: Row, free: Sequence[Row]) -> str:
    """What stands for a column: its place among those that vary, or its one number."""
    return f"{{{free.index(column)}}}" if len(set(column)) > 1 else column[0]


def _filled(text: str, names: Sequence[str]) -> str:
    return "".join(
        piece
        for pair in itertools.zip_longest(_NUMBER.split(text), names, fillvalue="")
        for piece in pair
    )


def _layer(entry: Entry, names: Sequence[str]) -> str:
    """What stands for the layer; empty where neither id nor path tells it."""
    text = f"{entry.id}|{entry.path}"
    places = [found.start() for found in _NUMBER.finditer(text)]
    for start, part in ((0, entry.id), (len(entry.id) + 1, entry.path)):
        found = _LAYER.search(part)
        if found is not None:
            group = next(number for number in (1, 2, 3) if found[number] is not None)
            return names[places.index(start + found.start(group))]
    return ""


def _compressed(rows: Sequence[Row]) -> tuple[list[Row], list[str], bool]:
    """The rows in the order in which a pattern gives them, its columns, and whether zipped."""
    columns = [sorted(set(column), key=int) for column in zip(*rows, strict=True)]
    product = list(itertools.product(*columns))
    if len(product) == len(rows) and set(product) == set(rows):
        return product, [_spans(column) for column in columns], False
    order = sorted(rows, key=lambda row: [int(value) for value in row])
    return order, [_spans(list(column)) for column in zip(*order, strict=True)], True


def _spans(values: Sequence[str]) -> str:
    """0, 1, 2, 16 as `0-2,16`."""
    spans: list[list[str]] = []
    for value in values:
        follows = spans and value == str(int(spans[-1][-1]) + 1) and str(int(value)) == value
        if follows:
            spans[-1].append(value)
        else:
            spans.append([value])
    text = ",".join(f"{span[0]}-{span[-1]}" if len(span) > 2 else ",".join(span) for span in spans)
    assert numbers(text) == list(values)
    return text


def _l0(values: Sequence[float]) -> list[float]:
    if not any(values):  # 0 where it isn't known
        return []
    rounded = [round(value, 1) for value in values]
    plain = [int(value) if value == int(value) else value for value in rounded]
    return plain[:1] if len(set(plain)) == 1 else plain

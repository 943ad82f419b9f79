"""The `metadata.json` of the seed's format, in the shapes that people give it.

Torch-free. The seed says only that it holds prompt, tokens and generated text for each activation
file. Read are:

- a list of objects, one a file; or such a list as the one list of objects inside an object
- an object of objects, by file name or number: `{"activations_0.pt": {"prompt": …}, …}`
- an object of lists, one entry a file: `{"prompts": […], "tokens": [[…], …]}`
- for a single file, the object itself

Every field may be missing. Tokens may be strings, ids or only counted.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from engine.activations.text_files import json_value
from engine.errors import UserError

SPELLINGS = {
    "file": ("file", "filename", "activation_file", "activations_file"),
    "prompt": ("prompt", "prompts", "text", "texts"),
    "category": ("category", "categories", "purpose", "purposes"),
    "generated": ("generated_text", "generated_texts", "generated", "output", "outputs"),
    "tokens": ("tokens", "token_strings", "str_tokens"),
    "token_ids": ("token_ids", "input_ids", "ids"),
    "model": ("model", "model_name", "model_id"),
    "revision": ("revision",),
    "site": ("site",),
}
_CANONICAL = {spelling: name for name, spellings in SPELLINGS.items() for spelling in spellings}
_TokenId = Annotated[int, msgspec.Meta(ge=0, lt=1 << 22)]
Fields = dict[str, Any]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What the metadata says about one activation file."""

    file: str = ""
    prompt: str = ""
    category: str = ""
    generated: str = ""
    """The continuation alone, without the prompt."""
    tokens: list[str] | None = None
    token_ids: list[_TokenId] | None = None
    count: int | None = None
    """The number of tokens, where only that is said."""
    model: str = ""
    revision: str | None = None
    site: str = ""

    def check_count(self, rows: int, where: str) -> None:
        """Raise UserError unless every count of tokens is the number of activation rows."""
        counts = {len(known) for known in (self.tokens, self.token_ids) if known is not None}
        if self.count is not None:
            counts.add(self.count)
        if counts - {rows}:
            found = " and ".join(str(count) for count in sorted(counts))
            raise UserError(f"{where} has {rows} rows, but metadata.json gives it {found} tokens.")


def read_entries(path: Path, files: Sequence[str]) -> list[Entry]:
    """One entry for each of `files`, in their order.

    Entries that all name their file are found by it, others by their place.
    Raises UserError for bad JSON, for another number of entries than files, and for a field that
    can't be what its name says.
    """
    value = json_value(path)
    common, fields = _shaped(value, path)
    if len(fields) != len(files):
        raise UserError(f"{path} describes {len(fields)} files, but there are {len(files)}.")
    entries = [_entry(common | entry, f"{path}, entry {i},") for i, entry in enumerate(fields)]
    by_file = {Path(entry.file).name: entry for entry in entries}
    if "" in by_file:
        return entries
    missing = [file for file in files if file not in by_file]
    if missing:
        raise UserError(f"{path} says nothing about {missing[0]}.")
    return [by_file[file] for file in files]


def _shaped(value: Any, path: Path) -> tuple[Fields, list[Fields]]:
    """What the metadata says of all files, and of each."""
    if isinstance(value, list):
        return {}, [_named(entry, path) for entry in value]
    if not isinstance(value, dict):
        raise UserError(f"{path} holds neither a list nor an object.")
    if value and all(isinstance(entry, dict) for entry in value.values()):
        keys = sorted(value, key=lambda key: _number(key, path))
        files = [{"file": key} if key.endswith(".pt") else {} for key in keys]
        return {}, [file | _named(value[key], path) for file, key in zip(files, keys, strict=True)]
    wrapped = [key for key, entries in value.items() if _is_list_of(dict, entries)]
    if len(wrapped) == 1:
        inside = value.pop(wrapped[0])
        return _scalars(_named(value, path)), [_named(entry, path) for entry in inside]
    fields = _named(value, path)
    if isinstance(fields.get("prompt"), str):
        return {}, [fields]
    return _scalars(fields), _rows(fields, path)


def _rows(fields: Fields, path: Path) -> list[Fields]:
    columns = {name: column for name, column in fields.items() if isinstance(column, list)}
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        said = ", ".join(f"{name}: {len(column)}" for name, column in columns.items())
        raise UserError(f"The lists in {path} differ in length ({said}).")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _named(entry: Any, path: Path) -> Fields:
    """An entry's known fields, by the name that `Entry` has for them."""
    if isinstance(entry, str):
        return {"prompt": entry}
    if not isinstance(entry, dict):
        raise UserError(f"An entry of {path} is neither an object nor a prompt.")
    known = {_CANONICAL[key]: value for key, value in entry.items() if key in _CANONICAL}
    return {name: value for name, value in known.items() if value is not None}


def _scalars(fields: Mapping[str, Any]) -> Fields:
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _number(key: str, path: Path) -> int:
    digits = re.search(r"(\d+)(?:\.pt)?$", key)
    if not digits:
        raise UserError(f"{path} has an entry {key!r}, which names no activation file.")
    return int(digits[1])


def _entry(fields: Fields, where: str) -> Entry:
    for name in ("tokens", "token_ids"):
        value = fields.get(name)
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
            fields[name] = value[0]  # a batch of one
    tokens = fields.get("tokens")
    if isinstance(tokens, int):
        fields["count"] = fields.pop("tokens")
    elif _is_list_of(int, tokens):
        fields["token_ids"] = fields.pop("tokens")
    try:
        entry = msgspec.convert(fields, Entry)
    except msgspec.ValidationError as error:
        raise UserError(f"{where} can't be understood: {error}.") from error
    # Tools that generate text mostly give back the prompt with its continuation.
    return msgspec.structs.replace(entry, generated=entry.generated.removeprefix(entry.prompt))


def _is_list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, kind) for v in value)

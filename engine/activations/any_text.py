"""The texts of a file of either kind, prompts or documents (no torch here)."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from engine.activations.corpus import read_documents, read_prompts
from engine.activations.text_files import json_lines, json_value, lines


def read_texts(path: Path) -> Iterator[str]:
    """Every text of a prompt file, or of a corpus as `read_documents` takes it.

    A `.txt` with a blank line between two others is a corpus, and any other holds a text a line.
    Raises UserError as the readers of `engine.activations.corpus` do, when the reading gets there.
    """
    if _holds_prompts(path):
        yield from (prompt.prompt for prompt in read_prompts(path))
    else:
        yield from read_documents([path])


def _holds_prompts(path: Path) -> bool:
    if not path.is_file():
        return False
    match path.suffix.lower():
        case ".txt":
            return not _has_paragraphs(path)
        case ".jsonl":
            return _are_prompts(value for _, value in json_lines(path))
        case ".json":
            entries = json_value(path)
            return isinstance(entries, list) and _are_prompts(entries)
    return False


def _has_paragraphs(path: Path) -> bool:
    """Whether some text comes after a blank line that comes after some text."""
    begun = parted = False
    for _, line in lines(path):
        if line.strip():
            if parted:
                return True
            begun = True
        else:
            parted = begun
    return False


def _are_prompts(entries: Iterable[Any]) -> bool:
    """Whether the first of some entries that isn't null is a prompt."""
    first = next((entry for entry in entries if entry is not None), None)
    return isinstance(first, dict) and "prompt" in first

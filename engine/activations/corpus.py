"""Prompts and documents from the files a user names.

Torch-free. Texts are kept as they are written, control characters included; showing
makes them safe. A null in a text's place, or in that of its object, is a blank text.

| suffix | prompts | documents |
|---|---|---|
| `.txt` | one a line | a blank line between two |
| `.jsonl` | `{"prompt": …, "category": …}` or `{"messages": […]}` a line | `{"text": …}` a line |
| `.json` | a list of such objects, or of strings | a list of strings, or of `{"text": …}` |
| `.parquet` | – | a column `text` |

Messages are turns of a conversation: `{"role": "user", "content": …}`.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engine.activations.parquet_rows import ParquetRow, parquet_rows
from engine.activations.text_files import (
    Line,
    check_exists,
    json_lines,
    json_value,
    line_text,
    lines,
    parsed_line,
    raw_lines,
)
from engine.errors import UserError
from engine.model.prompt import Message, Prompt, check_messages, prompt_of_messages


class _PromptObject(msgspec.Struct):
    prompt: str
    category: str | None = None

    def as_prompt(self) -> Prompt:
        return Prompt(self.prompt, self.category or "")


class _Conversation(msgspec.Struct):
    messages: list[Message]
    category: str | None = None

    def __post_init__(self) -> None:
        check_messages(self.messages)

    def as_prompt(self) -> Prompt:
        return prompt_of_messages(self.messages, self.category or "")


class _Text(msgspec.Struct):
    text: str


def read_prompts(path: Path) -> list[Prompt]:
    """Every prompt of a `.txt`, `.jsonl` or `.json` file, in order; blank ones are left out.

    Raises UserError naming the file, and the line where there is one, for anything unreadable,
    and for a file without any prompt.
    """
    reader = _PROMPT_READERS.get(path.suffix.lower())
    if reader is None:
        raise _unknown_format(path, _PROMPT_READERS)
    prompts = [prompt for prompt in reader(path) if prompt.prompt.strip()]
    if not prompts:
        raise UserError(f"{path} holds no prompt.", "Write one prompt a line.")
    return prompts


LeftOut = Callable[[UserError], None]
"""Called for each document that can't be read, with the error that names it."""

MOST_LEFT_OUT, SHARE_LEFT_OUT = 10, 0.1
"""How many documents may be left out in any case, and else which share of those looked at."""


class DocumentReader(Iterator[str]):
    """Documents, one after the other, and how far the reading is."""

    def __init__(self, documents: Iterator[tuple[str, float]], *, size: int | None = None) -> None:
        """`documents`: each with the share of the reading that is done behind it, 0 to 1."""
        self._documents = documents
        self.size = size
        """Bytes in which all are written, where that is known."""
        self.share = 0.0
        """Of all that is to be read, how much has been."""

    def __next__(self) -> str:
        text, self.share = next(self._documents)
        return text


def read_documents(paths: Sequence[Path], *, left_out: LeftOut | None = None) -> DocumentReader:
    """Every document of the files and of the files below the folders, in order; no blank ones.

    Inside a folder, files are taken in the order of their paths; those of other formats and hidden
    ones are passed over. Missing files and unknown formats raise UserError at once, before the
    first document is asked for; what is wrong inside a file does so when the reading gets there,
    and so does a corpus without any document.

    With `left_out`, a document that can't be read (a line that is not JSON, or none of text; a row
    without a text; a paragraph that is not UTF-8) is left out, and `left_out` is called with the
    error. More than ten of them, and more than one in ten, raise UserError all the same: it is the
    file that is wrong.
    """
    files = corpus_files(paths)
    size = sum(file.stat().st_size for file in files)
    return DocumentReader(_documents(files, left_out), size=size)


def check_left_out(missed: int, seen: int, last: UserError, what: str) -> None:
    """Raise UserError if so many of the first `seen` of a file's `what` are bad that it is the
    file that is wrong; `last` says why the last of them can't."""
    if missed > max(MOST_LEFT_OUT, SHARE_LEFT_OUT * seen):
        raise UserError(
            f"{missed} of the first {seen} {what} can't be read. The last of them: {last.what}",
            last.do,
        )


def corpus_files(paths: Sequence[Path]) -> list[Path]:
    """The files that `read_documents` reads, in order. Raises UserError as it does at once."""
    return [file for path in paths for file in _files(path)]


def _documents(files: Sequence[Path], left_out: LeftOut | None) -> Iterator[tuple[str, float]]:
    sizes = [file.stat().st_size for file in files]
    total, before = max(1, sum(sizes)), 0
    found = missed = 0
    for file, size in zip(files, sizes, strict=True):
        for entry in _DOCUMENT_READERS[file.suffix.lower()](file):
            if isinstance(entry.text, str):
                if entry.text.strip():
                    found += 1
                    yield entry.text, min(1.0, (before + entry.share * size) / total)
                continue
            if left_out is None:
                raise entry.text
            missed += 1
            check_left_out(missed, found + missed, entry.text, "documents")
            left_out(entry.text)
        before += size
    if not found:
        raise UserError(f"There is no text in {', '.join(map(str, files))}.")


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        inside = [file for file in sorted(path.rglob("*")) if _is_corpus_file(file, path)]
        if not inside:
            raise UserError(
                f"The folder {path} holds no text.", f"It may hold {_list(_DOCUMENT_READERS)}."
            )
        return inside
    check_exists(path)
    if path.suffix.lower() not in _DOCUMENT_READERS:
        raise _unknown_format(path, _DOCUMENT_READERS)
    return [path]


def _is_corpus_file(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.is_file() and not hidden and file.suffix.lower() in _DOCUMENT_READERS


def _unknown_format(path: Path, readers: Iterable[str]) -> UserError:
    return UserError(f"{path} is of an unknown format.", f"It may be {_list(readers)}.")


def _list(suffixes: Iterable[str]) -> str:
    *most, last = suffixes
    return f"{', '.join(most)} or {last}"


def _prompt_lines(path: Path) -> Iterator[Prompt]:
    return (Prompt(line) for _, line in lines(path))


def _prompt_objects(path: Path) -> Iterator[Prompt]:
    for number, value in json_lines(path):
        yield _prompt(value, f"{path}, line {number},")


def _prompt_list(path: Path) -> Iterator[Prompt]:
    for number, value in enumerate(_json_list(path), 1):
        yield _prompt(value, f"{path}, entry {number},")


def _prompt(value: Any, where: str) -> Prompt:
    if isinstance(value, str):
        return Prompt(value)
    if _is_null(value, "prompt"):
        return Prompt("")
    is_conversation = isinstance(value, dict) and "messages" in value
    try:
        kind: Any = _Conversation if is_conversation else _PromptObject
        prompt: Prompt = msgspec.convert(value, kind).as_prompt()
    except msgspec.ValidationError as error:
        may_be = (
            '{"messages": [{"role": "user", "content": "…"}, …]}'
            if is_conversation
            else '{"prompt": "…", "category": "…"}'
        )
        raise UserError(f"{where} is no prompt: {error}.", f"It may be {may_be}.") from error
    return prompt


class _Entry(NamedTuple):
    """What a file holds in the place of a document."""

    text: str | UserError
    """The document, or why there is none."""
    share: float
    """Of the file, how much is read behind it."""


def _entry(read: Callable[[], str], share: float) -> _Entry:
    try:
        return _Entry(read(), share)
    except UserError as error:
        return _Entry(error, share)


def _text_paragraphs(path: Path) -> Iterator[_Entry]:
    size = max(1, path.stat().st_size)
    paragraph: list[Line] = []
    for line in raw_lines(path):
        if line.raw.decode(errors="replace").strip():
            paragraph.append(line)
        elif paragraph:
            yield _paragraph(paragraph, path, line.end / size)
            paragraph = []
    if paragraph:
        yield _paragraph(paragraph, path, 1.0)


def _paragraph(paragraph: Sequence[Line], path: Path, share: float) -> _Entry:
    return _entry(lambda: "\n".join(line_text(line, path) for line in paragraph), share)


def _text_objects(path: Path) -> Iterator[_Entry]:
    size = max(1, path.stat().st_size)

    def read(line: Line) -> str:
        return parse_document(parsed_line(line, path), f"{path}, line {line.number},")

    for line in raw_lines(path):
        yield _entry(functools.partial(read, line), line.end / size)


def _text_list(path: Path) -> Iterator[_Entry]:
    entries = _json_list(path)
    for number, value in enumerate(entries, 1):
        read = functools.partial(parse_document, value, f"{path}, entry {number},")
        yield _entry(read, number / len(entries))


def parse_document(value: Any, where: str) -> str:
    """The text of an entry of a corpus: a string or `{"text": …}`; "" where that is null.

    `where`: how the entry is named in the UserError for any other.
    """
    if isinstance(value, str):
        return value
    if _is_null(value, "text"):
        return ""
    try:
        return msgspec.convert(value, _Text).text
    except msgspec.ValidationError as error:
        raise UserError(f"{where} is no document: {error}.", 'It may be {"text": "…"}.') from error


def _is_null(value: Any, field: str) -> bool:
    return value is None or (isinstance(value, dict) and value.get(field, "") is None)


def _json_list(path: Path) -> list[Any]:
    value = json_value(path)
    if not isinstance(value, list):
        raise UserError(f"{path} is not a list.", "Put what it holds between [ and ].")
    return value


def _parquet_column(path: Path) -> Iterator[_Entry]:
    for row in parquet_rows(path, ["text"]):
        read = functools.partial(_parquet_text, row, f"{path}, row {row.number},")
        yield _entry(read, row.share)


def _parquet_text(row: ParquetRow, where: str) -> str:
    return parse_document(row.values()["text"], where)


_PROMPT_READERS: dict[str, Callable[[Path], Iterator[Prompt]]] = {
    ".txt": _prompt_lines,
    ".jsonl": _prompt_objects,
    ".json": _prompt_list,
}
_DOCUMENT_READERS: dict[str, Callable[[Path], Iterator[_Entry]]] = {
    ".txt": _text_paragraphs,
    ".jsonl": _text_objects,
    ".json": _text_list,
    ".parquet": _parquet_column,
}

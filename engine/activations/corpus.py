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

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.activations.text_files import check_exists, json_lines, json_value, lines
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


def read_documents(paths: Sequence[Path]) -> Iterator[str]:
    """Every document of the files and of the files below the folders, in order; no blank ones.

    Inside a folder, files are taken in the order of their paths; those of other formats and hidden
    ones are passed over. Missing files and unknown formats raise UserError at once, before the
    first document is asked for; what is wrong inside a file does so when the reading gets there,
    and so does a corpus without any document.
    """
    files = [file for path in paths for file in _files(path)]
    return _documents(files)


def _documents(files: Sequence[Path]) -> Iterator[str]:
    found = False
    for file in files:
        for text in _DOCUMENT_READERS[file.suffix.lower()](file):
            if text.strip():
                found = True
                yield text
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


def _text_paragraphs(path: Path) -> Iterator[str]:
    paragraph: list[str] = []
    for _, line in lines(path):
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            yield "\n".join(paragraph)
            paragraph = []
    if paragraph:
        yield "\n".join(paragraph)


def _text_objects(path: Path) -> Iterator[str]:
    for number, value in json_lines(path):
        yield parse_document(value, f"{path}, line {number},")


def _text_list(path: Path) -> Iterator[str]:
    for number, value in enumerate(_json_list(path), 1):
        yield parse_document(value, f"{path}, entry {number},")


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


def _parquet_column(path: Path) -> Iterator[str]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UserError(
            f"Reading {path} needs pyarrow, which isn't installed.",
            "Install it with: pip install 'brainsurg[data]'.",
        ) from None
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            if "text" not in file.schema_arrow.names:
                raise UserError(f"{path} has no column text.")
            batches = file.iter_batches(batch_size=1024, columns=["text"])
            values = (value for batch in batches for value in batch.column(0).to_pylist())
            for number, value in enumerate(values, 1):
                yield parse_document(value, f"{path}, row {number},")
    except (OSError, pyarrow.ArrowException) as error:
        raise UserError(f"{path} can't be read as parquet: {error}.") from error


_PROMPT_READERS: dict[str, Callable[[Path], Iterator[Prompt]]] = {
    ".txt": _prompt_lines,
    ".jsonl": _prompt_objects,
    ".json": _prompt_list,
}
_DOCUMENT_READERS: dict[str, Callable[[Path], Iterator[str]]] = {
    ".txt": _text_paragraphs,
    ".jsonl": _text_objects,
    ".json": _text_list,
    ".parquet": _parquet_column,
}

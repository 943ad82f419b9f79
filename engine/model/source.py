"""Where a model comes from: the embedded one, a folder, a GGUF file, or the Hugging Face hub.

Torch-free.
"""

import importlib.resources
import os
import re
from pathlib import Path
from typing import NamedTuple

from engine.errors import UserError, join_words

DEMO = "demo"

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_GGUF_MAGIC = b"GGUF"
_GGUF_PART = re.compile(r"-[0-9]{5}-of-([0-9]{5})\.gguf", re.IGNORECASE)
_NAMED = 6
"""GGUF files of a folder that are named in a message."""


class ModelAddress(NamedTuple):
    """Where the files of a model are."""

    address: str
    """A folder or a hub id: what transformers' `from_pretrained` takes. For a GGUF file the folder
    that it lies in."""
    gguf: Path | None = None
    """The GGUF file that holds all of the model, if it is one."""


def model_address(source: str) -> ModelAddress:
    """Where the model is that `source` means.

    "demo" is the embedded model. A folder that exists is that folder, or the one GGUF file in it; a
    file is a GGUF file, however it is called (Ollama names its files by their checksums). All else
    must be able to be a hub id.

    Raises UserError for a folder without a model in it or with several, for a file of another
    format, and for what is neither a path nor a possible hub id; whether a hub id exists is found
    out by loading it.
    """
    if source == DEMO:
        return ModelAddress(str(importlib.resources.files("engine") / "demo" / "model"))
    path = Path(source).expanduser()
    if source and path.is_dir():
        if (path / "config.json").is_file():
            return ModelAddress(str(path))
        return _of_gguf(_only_gguf(path, source), source)
    if source and path.is_file():
        return _of_gguf(path, source)
    if not _HUB_ID.fullmatch(source) or source.lower().endswith(".gguf"):
        raise UserError(
            f"{source!r} is neither a model's folder or file nor a hub id.",
            "Give a folder or a .gguf file that exists, or an id such as openai-community/gpt2.",
        )
    return ModelAddress(source)


def absolute_source(source: str) -> str:
    """A model as the user named it; a path is made absolute, so that it means the same in the
    engine's process."""
    looks_like_path = source.startswith((".", "/", "~")) or os.path.exists(source)
    if source == DEMO or not looks_like_path:
        return source
    return os.path.abspath(os.path.expanduser(source))


def _of_gguf(path: Path, source: str) -> ModelAddress:
    """The address of a GGUF file. UserError for a file that is none, or a part of one."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(_GGUF_MAGIC))
    except OSError as error:
        raise UserError(f"{source} can't be read: {error.strerror or error}.") from error
    if magic != _GGUF_MAGIC:
        raise UserError(
            f"{source!r} is a file, but no model: it is no GGUF file.",
            "Give a .gguf file, a folder that transformers' save_pretrained wrote, or a hub id.",
        )
    if part := _GGUF_PART.search(path.name):
        raise UserError(
            f"{source} is one of {int(part[1])} parts of a model, and only whole ones are read.",
            "Put them together with llama.cpp's: llama-gguf-split --merge FIRST_PART WHOLE.gguf",
        )
    return ModelAddress(str(path.parent.absolute()), path.absolute())


def _only_gguf(folder: Path, source: str) -> Path:
    """The one GGUF file in a folder, the projector of a model that sees (`mmproj`) left aside."""
    found = sorted(path for path in folder.glob("*.[gG][gG][uU][fF]") if path.is_file())
    models = [path for path in found if not path.name.lower().startswith("mmproj")]
    if len(models) == 1:
        return models[0]
    if not models:
        raise UserError(
            f"{source!r} is a folder, but no model: it has neither a config.json nor a .gguf file.",
            "Give a folder that transformers' save_pretrained wrote, a .gguf file, or a hub id.",
        )
    names = [path.name for path in models[:_NAMED]]
    names += [f"{len(models) - _NAMED} more"] if len(models) > _NAMED else []
    raise UserError(
        f"{source!r} holds {len(models)} models: {join_words(names)}.",
        f"Name one of them, such as {models[0]}.",
    )

"""The libraries whose layouts we read and write, and which of them a folder is in. Torch-free."""

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Literal, get_args

from engine.activations.text_files import readable
from engine.errors import UserError
from engine.sae.config import SAEConfig
from engine.sae.formats import dictionary_learning, gemma_scope, openai, sae_lens, sparsify
from engine.sae.formats.pickled_names import library_of

Format = Literal["sae_lens", "sparsify", "dictionary_learning", "gemma_scope", "openai"]

FORMATS: tuple[Format, ...] = get_args(Format)

MODULES: dict[str, ModuleType] = {
    "sae_lens": sae_lens,
    "sparsify": sparsify,
    "dictionary_learning": dictionary_learning,
    "gemma_scope": gemma_scope,
    "openai": openai,
}
"""Each has `check(config)`, `read(path)` and `write(sae, folder, metadata)`."""

_WEIGHTS: dict[str, tuple[str, ...]] = {
    "sae_lens": (sae_lens.WEIGHTS,),
    "sparsify": (sparsify.WEIGHTS,),
    "dictionary_learning": (dictionary_learning.WEIGHTS,),
    "gemma_scope": (gemma_scope.FIRST, gemma_scope.SECOND),
}
"""By what each is known. OpenAI's files, and dictionary_learning's checkpoints, may have any name
that ends in `.pt`, and are told apart by what is in them."""

_PICKLED = ("openai", "dictionary_learning")
_DEEPEST, _MOST_FOLDERS, _MOST_NAMED = 4, 2000, 8
"""How far it is looked for autoencoders below a folder that holds none, and how many are named."""


def library(format: str) -> ModuleType:
    """The module of a format. UserError if there is none of that name."""
    if format not in MODULES:
        raise UserError(f"There is no format {format!r}.", f"Choose one of {', '.join(FORMATS)}.")
    return MODULES[format]


def check_writable(config: SAEConfig, format: str) -> None:
    """Raise UserError if an autoencoder of this configuration can't be written in a format."""
    library(format).check(config)


def file_names(format: str | None) -> list[str]:
    """The names that files of a format have (None: of any), as far as they are known."""
    modules = [MODULES[format]] if format else MODULES.values()
    return sorted({name for module in modules for name in getattr(module, "FILES", ())})


def recognise(path: Path, format: str | None) -> tuple[str, Path]:
    """The format that `path` is in, and what its `read` takes: a folder, or a `.pt` file.

    With a format given, that one. Raises UserError where that can't be told by the files' names,
    and by what is in `.pt` files.
    """
    if format is not None:
        library(format)
    with readable(path):
        if not path.exists():
            raise UserError(f"There is no file or folder {path}.")
        found = list(_candidates(path, format))
    if not found and format in _PICKLED:
        # as it is asked for: what is wrong with such a file is told by its reader
        found = [(format, file) for file in _files(path) if file.suffix == ".pt"]
    if len(found) == 1:
        return found[0]
    if not found:
        raise _none_found(path, format)
    names = ", ".join(dict.fromkeys(name for name, _ in found))
    if len({name for name, _ in found}) == 1:
        files = _listed([where.name for _, where in found])
        raise UserError(f"{path} holds several files of {names}: {files}.", "Name one of them.")
    raise UserError(f"{path} may be in several formats: {names}.", "Say which with --format.")


def _none_found(path: Path, format: str | None) -> UserError:
    below = [where.relative_to(path).as_posix() for where in _below(path, format)]
    if below:
        return UserError(
            f"{path} itself holds no autoencoder, but these in it do: {_listed(below)}.",
            "Name one of them.",
        )
    known = ", ".join(name for names in _WEIGHTS.values() for name in names)
    what = f"no autoencoder of {format}" if format else "no autoencoder that is known"
    return UserError(
        f"{path} holds {what}.",
        f"The files would be {known}, or a .pt file of OpenAI's or dictionary_learning's.",
    )


def _below(path: Path, format: str | None) -> Iterator[Path]:
    """The folders and files in a folder that hold autoencoders, a few levels deep."""
    for root, folders, _ in itertools.islice(os.walk(path), _MOST_FOLDERS):
        folder = Path(root)
        folders.sort()
        if len(folder.relative_to(path).parts) >= _DEEPEST:
            folders.clear()
        if folder != path:
            yield from (where for _, where in _candidates(folder, format))


def _listed(names: list[str]) -> str:
    """Names in the order of the numbers in them, those beyond a few only counted."""
    names = sorted(names, key=lambda name: [int(n) for n in re.findall(r"\d+", name)] or [-1])
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _candidates(path: Path, format: str | None) -> Iterator[tuple[str, Path]]:
    """What `path` may be, of one format or of any: the format, and what its `read` takes."""
    files = _files(path)
    names = {file.name for file in files}
    for known, weights in _WEIGHTS.items():
        if names & set(weights) and format in (None, known):
            yield known, path if path.is_dir() else path.parent
    for file in (file for file in files if file.suffix == ".pt"):
        held = library_of(file) or "openai"
        if file.name != dictionary_learning.WEIGHTS and held != "none" and format in (None, held):
            yield held, file


def _files(path: Path) -> list[Path]:
    """The files in a folder, or the one that `path` is."""
    return sorted(file for file in (path.iterdir() if path.is_dir() else [path]) if file.is_file())

"""The libraries whose layouts we read and write, and which of them a folder is in. Torch-free."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Literal, get_args

from engine.errors import UserError
from engine.sae.config import SAEConfig
from engine.sae.formats import dictionary_learning, gemma_scope, openai, sae_lens, sparsify

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
"""By what each is known; OpenAI's files may have any name that ends in `.pt`."""


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
    """The format that `path` is in, and what its `read` takes: a folder, or OpenAI's file.

    With a format given, that one. Raises UserError where that can't be told by the files' names.
    """
    if format is not None:
        library(format)
    if not path.exists():
        raise UserError(f"There is no file or folder {path}.")
    found = [(name, where) for name, where in _candidates(path) if format in (None, name)]
    if len(found) == 1:
        return found[0]
    if not found:
        known = ", ".join(name for names in _WEIGHTS.values() for name in names)
        what = f"no autoencoder of {format}" if format else "no autoencoder that is known"
        raise UserError(f"{path} holds {what}.", f"The files would be {known}, or a .pt file.")
    names = ", ".join(dict.fromkeys(name for name, _ in found))
    if len({name for name, _ in found}) == 1:
        raise UserError(f"{path} holds several files of {names}.", "Name one of them.")
    raise UserError(f"{path} may be in several formats: {names}.", "Say which with --format.")


def _candidates(path: Path) -> Iterator[tuple[str, Path]]:
    folder = path if path.is_dir() else path.parent
    files = sorted(folder.iterdir()) if path.is_dir() else [path]
    names = {file.name for file in files}
    for format, weights in _WEIGHTS.items():
        if names & set(weights):
            yield format, folder
    for file in files:
        if file.suffix == ".pt" and file.name != dictionary_learning.WEIGHTS:
            yield "openai", file

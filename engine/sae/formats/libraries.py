"""The libraries whose layouts we read and write, and which of them a folder is in. Torch-free.

Each is a module with `read(path, **settings)`, which takes the `SETTINGS` that it names of what a
user states, and as far as it can be written `check(config)` and `write(sae, folder, metadata)`.
"""

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, get_args

from engine.activations.text_files import readable
from engine.errors import UserError
from engine.sae.config import SAEConfig
from engine.sae.formats import (
    circuit_tracer,
    dictionary_learning,
    gemma_scope,
    goodfire,
    llama_scope,
    openai,
    plain_relu,
    qresearch,
    qwen_scope,
    sae_lens,
    sparsify,
)
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.naming_some import name_some
from engine.sae.formats.pickled_names import library_of

if TYPE_CHECKING:
    from engine.sae.architectures.base import SparseAutoencoder

Format = Literal[
    "sae_lens",
    "sparsify",
    "dictionary_learning",
    "gemma_scope",
    "openai",
    "llama_scope",
    "qwen_scope",
    "circuit_tracer",
    "goodfire",
    "qresearch",
]

FORMATS: tuple[Format, ...] = get_args(Format)

MODULES: dict[str, ModuleType] = {
    "sae_lens": sae_lens,
    "sparsify": sparsify,
    "dictionary_learning": dictionary_learning,
    "gemma_scope": gemma_scope,
    "openai": openai,
    "llama_scope": llama_scope,
    "qwen_scope": qwen_scope,
    "circuit_tracer": circuit_tracer,
    "goodfire": goodfire,
    "qresearch": qresearch,
}

WRITTEN: tuple[str, ...] = tuple(name for name in FORMATS if hasattr(MODULES[name], "write"))
"""Those that are written, too."""

_WEIGHTS: dict[str, tuple[str, ...]] = {
    "sae_lens": (sae_lens.WEIGHTS,),
    "sparsify": (sparsify.WEIGHTS,),
    "dictionary_learning": (dictionary_learning.WEIGHTS,),
    "gemma_scope": (gemma_scope.FIRST, gemma_scope.SECOND),
    "llama_scope": (llama_scope.FIRST,),
}
"""By what a folder of each is known."""

_LAYER_FILES: dict[str, re.Pattern[str]] = {
    "circuit_tracer": circuit_tracer.LAYER_FILE,
    "qwen_scope": qwen_scope.LAYER_FILE,
}
"""What the files are called of which each holds one layer."""

_PICKLED = ("openai", "dictionary_learning", "goodfire", "qresearch")
"""Files of these may have any name that ends in `.pt`, and are told apart by what is in them."""
_PICKLES = (".pt", ".pth")
ALONE = ("circuit_tracer", "qwen_scope", "goodfire", "qresearch", "openai")
"""Formats of which one file is read, and no folder."""
_DEEPEST, _MOST_FOLDERS, _MOST_NAMED = 4, 2000, 8
"""How far it is looked for autoencoders below a folder that holds none, and how many are named."""


def library(format: str) -> ModuleType:
    """The module of a format. UserError if there is none of that name."""
    if format not in MODULES:
        raise UserError(f"There is no format {format!r}.", f"Choose one of {', '.join(FORMATS)}.")
    return MODULES[format]


def check_writable(config: SAEConfig, format: str) -> None:
    """Raise UserError if an autoencoder of this configuration can't be written in a format."""
    module = library(format)
    if format not in WRITTEN:
        raise UserError(
            f"Files of {format} are read, and not written.", f"Choose one of {', '.join(WRITTEN)}."
        )
    module.check(config)


def read_sae(
    format: str, path: Path, *, k: int | None = None, model: str | None = None
) -> tuple["SparseAutoencoder", SAEMetadata]:
    """The autoencoder at `path`, as `recognise` gives it, for inference, and where it comes from.

    `k` and `model`: what the user states of it. UserError for files that can't be followed, and for
    a k where the files tell it, or there is none.
    """
    module = library(format)
    taken = getattr(module, "SETTINGS", ())
    if k is not None and "k" not in taken:
        raise UserError(f"Files of {format} state k themselves.", "Leave out --k.")
    stated: dict[str, Any] = {"k": k, "model": model}
    settings = {name: stated[name] for name in taken if stated[name] is not None}
    sae: SparseAutoencoder
    sae, metadata = module.read(path, **settings)
    return sae, metadata


def file_names(format: str | None, layer: int | None = None) -> list[str]:
    """The names that files of a format have (None: of any), as far as they are known; where there
    is a file for each layer, that of `layer`."""
    modules = [library(format)] if format else MODULES.values()
    names = {name for module in modules for name in getattr(module, "FILES", ())}
    if layer is not None:
        names |= {module.layer_file(layer) for module in modules if hasattr(module, "layer_file")}
    return sorted(names)


def is_part(name: str, *, alone: bool = False) -> bool:
    """Whether a file is part of a folder that is read as a whole; `alone`: also where it is read
    by itself, as weights of a layer are."""
    whole = any(name in names for names in _WEIGHTS.values())
    return whole or (alone and any(files.fullmatch(name) for files in _LAYER_FILES.values()))


def companions(format: str, inside: PurePosixPath) -> list[PurePosixPath]:
    """Where further files of a format may lie, for the folder or file `inside` a repository that
    `read_sae` takes."""
    places = getattr(library(format), "companions", None)
    return [] if places is None else list(places(inside))


def recognise(path: Path, format: str | None, layer: int | None = None) -> tuple[str, Path]:
    """The format that `path` is in, and what its `read` takes: a folder, or a file.

    With a format given, that one; with a layer, its file where each has one. Raises UserError where
    that can't be told by the files' names, and by what is in `.pt` files.
    """
    if format is not None:
        library(format)
    with readable(path):
        if not path.exists():
            raise UserError(f"There is no file or folder {path}.")
        found = list(_candidates(path, format, layer))
    if not found and format in _PICKLED:
        # as it is asked for: what is wrong with such a file is told by its reader
        found = [(format, file) for file in _files(path) if file.suffix in _PICKLES]
    if len(found) == 1:
        return found[0]
    if not found:
        raise _none_found(path, format, layer)
    names = ", ".join(dict.fromkeys(name for name, _ in found))
    if len({name for name, _ in found}) == 1:
        files = _listed([where.name for _, where in found])
        do = "Name one of them, or its --layer." if found[0][0] in _LAYER_FILES else "Name one."
        raise UserError(f"{path} holds several files of {names}: {files}.", do)
    raise UserError(f"{path} may be in several formats: {names}.", "Say which with --format.")


def _none_found(path: Path, format: str | None, layer: int | None) -> UserError:
    below = [where.relative_to(path).as_posix() for where in _below(path, format, layer)]
    if below:
        return UserError(
            f"{path} itself holds no autoencoder, but these in it do: {_listed(below)}.",
            "Name one of them.",
        )
    known = ", ".join(name for names in _WEIGHTS.values() for name in names)
    what = f"no autoencoder of {format}" if format else "no autoencoder that is known"
    if layer is not None and list(_candidates(path, format, None)):
        what = f"no autoencoder of layer {layer}"
    return UserError(
        f"{path} holds {what}.",
        f"The files would be {known}, layer_N.safetensors, layerN.sae.pt, or a .pt file of"
        " OpenAI's, dictionary_learning's, Goodfire's or qresearch's.",
    )


def _below(path: Path, format: str | None, layer: int | None) -> Iterator[Path]:
    """The folders and files in a folder that hold autoencoders, a few levels deep."""
    for root, folders, _ in itertools.islice(os.walk(path), _MOST_FOLDERS):
        folder = Path(root)
        folders.sort()
        if len(folder.relative_to(path).parts) >= _DEEPEST:
            folders.clear()
        if folder != path:
            yield from (where for _, where in _candidates(folder, format, layer))


def _listed(names: list[str]) -> str:
    """Names in the order of the numbers in them, those beyond a few only counted."""
    names = sorted(names, key=lambda name: [int(n) for n in re.findall(r"\d+", name)] or [-1])
    return name_some(names, _MOST_NAMED)


def _candidates(path: Path, format: str | None, layer: int | None) -> Iterator[tuple[str, Path]]:
    """What `path` may be, of one format or of any: the format, and what its `read` takes."""
    files = _files(path)
    names = {file.name for file in files}
    folder = path if path.is_dir() else path.parent
    for known, weights in _WEIGHTS.items():
        if names & set(weights) and format in (None, known):
            # of the folder of a file, too: Language-Model-SAEs call theirs as SAELens does
            later = known == "sae_lens" and _is_llama_scope(folder)
            yield "llama_scope" if later and format is None else known, folder
    if format == "llama_scope" and sae_lens.WEIGHTS in names and _is_llama_scope(folder):
        yield format, folder
    for file in files:
        if file.suffix == ".safetensors" or qwen_scope.LAYER_FILE.fullmatch(file.name):
            yield from _files_of_layers(file, format, layer)
        elif file.suffix in _PICKLES:
            held = _held(file)
            if file.name != dictionary_learning.WEIGHTS and held and format in (None, held):
                yield held, file


def _is_llama_scope(folder: Path) -> bool:
    """Whether a folder with SAELens' name for weights has the configuration of the other."""
    return (folder / llama_scope.CONFIG).is_file() and not (folder / sae_lens.CONFIG).is_file()


def _files_of_layers(
    file: Path, format: str | None, layer: int | None
) -> Iterator[tuple[str, Path]]:
    for known, pattern in _LAYER_FILES.items():
        found = pattern.fullmatch(file.name)
        if found and format in (None, known) and layer in (None, int(found["layer"])):
            yield known, file
    if circuit_tracer.CROSS_LAYER_FILE.fullmatch(file.name) and format in (None, "circuit_tracer"):
        yield "circuit_tracer", file  # which its reader refuses


def _held(file: Path) -> str:
    """The format of a pickled file, by what is in it; empty for none that is known."""
    held = library_of(file) or "openai"
    if held == "dictionary_learning" and plain_relu.NAMED.fullmatch(file.name):
        alone = not any(place.is_file() for place in dictionary_learning.config_places(file))
        return "qresearch" if alone else held
    return "" if held == "none" else held


def _files(path: Path) -> list[Path]:
    """The files in a folder, or the one that `path` is."""
    return sorted(file for file in (path.iterdir() if path.is_dir() else [path]) if file.is_file())

"""The seed's format, both ways: `activations_i.pt` of shape (tokens, d_model) + `metadata.json`.

A `.pt` file is a pickle, and a pickle can be a program: `engine.activations.seed.plain_pickle`
reads them, which builds tensors and runs nothing.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from engine.activations.seed.metadata import Entry, read_entries
from engine.activations.seed.plain_pickle import load_plain
from engine.activations.seed.tokens import ImportedTokens
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import Manifest, read_documents_table
from engine.activations.store.tokens import TokenTable
from engine.activations.store.writer import ActivationWriter
from engine.errors import UserError
from engine.files import whole_file, whole_folder, write_whole
from engine.progress import SILENT, Progress

METADATA = "metadata.json"
_STORED_AS = {
    torch.float64: torch.float32,
    torch.float32: torch.float32,
    torch.bfloat16: torch.bfloat16,
    torch.float16: torch.float16,
}
_WIDEST = 1 << 24
"""Widths beyond are mistakes: a tensor without rows may claim any, and needs no numbers for it."""


class SeedFile(msgspec.Struct, frozen=True):
    """An activation file that was read or written."""

    file: str
    shape: list[int]
    """[tokens, d_model]"""


def import_seed_activations(
    folder: Path,
    target: Path,
    *,
    progress: Progress = SILENT,
) -> list[SeedFile]:
    """Read `activations_0.pt`, `activations_1.pt`, … and their metadata into the store at `target`.

    Files are taken in the order of their numbers. Token ids are kept where every file has them;
    else tokens are known by their strings, and where there are none, by their places (`[0]`, …).
    A note tells of sinks and of what is not finite.
    Raises UserError for a file that is no tensor or carries code, and for whatever contradicts
    itself: widths, dtypes or counts of tokens that differ.
    """
    paths = _activation_files(folder)
    if (folder / METADATA).is_file():
        entries = read_entries(folder / METADATA, [path.name for path in paths])
    else:
        progress.note(f"There is no {METADATA} in {folder}: prompts and tokens are unknown.")
        entries = [Entry() for _ in paths]
    first = _load(paths[0])
    tokens = ImportedTokens(entries)
    model, site = _shared(entry.model for entry in entries), _shared(e.site for e in entries)
    about = Manifest(
        model=model,
        revision=_shared(entry.revision or "" for entry in entries) or None,
        site=site,
        d_model=first.shape[1],
        dtype=str(first.dtype).removeprefix("torch."),
        tokenizer=model if tokens.are_the_models else "",
        origin=f"{len(paths)} activation files imported from {folder.name}",
    )
    files = []
    with ActivationWriter(target, about, tokens.vocabulary) as writer:
        for number, (path, entry) in enumerate(zip(paths, entries, strict=True), 1):
            acts = _load(path)
            _check_alike(acts, first, path, paths[0])
            entry.check_count(len(acts), str(path))
            writer.add(
                acts,
                torch.tensor(tokens.ids(entry, len(acts)), dtype=torch.int32),
                text=entry.prompt,
                category=entry.category,
                generated=entry.generated,
            )
            files.append(SeedFile(path.name, list(acts.shape)))
            progress("import", number, len(paths), "files")
    rows = writer.manifest.row_summary
    if rows is not None and rows.sentence:
        progress.note(f"{rows.sentence} Training and figures leave them out.")
    return files


def export_seed_activations(
    acts: ActivationSet,
    folder: Path,
    *,
    progress: Progress = SILENT,
) -> list[SeedFile]:
    """Write every document of a set as `activations_i.pt`, and `metadata.json`, a list of objects.

    The folder appears, whole, when all is written; UserError if it is already there.
    `generated_text` is the prompt with its continuation, as the seed has it.
    """
    table = TokenTable.open(acts.folder)
    manifest = acts.manifest
    documents = read_documents_table(acts.folder)
    files = []
    metadata = []
    with whole_folder(folder) as temporary:
        for number, document in enumerate(documents):
            token_ids, tensor = acts.document(number)
            path = temporary / f"activations_{number}.pt"
            # into an open file: by its path, the archive would have the temporary name in it
            with whole_file(path) as unfinished, unfinished.open("wb") as file:
                torch.save(tensor, file)
            ids: list[int] = token_ids.tolist()
            entry = {
                "file": path.name,
                "prompt": document.text,
                "category": document.category,
                "generated_text": document.text + document.generated,
                "tokens": [table.text(token_id) for token_id in ids],
                "token_ids": ids if manifest.tokenizer else None,
                "model": manifest.model,
                "revision": manifest.revision,
                "site": manifest.site,
            }
            metadata.append({name: value for name, value in entry.items() if value is not None})
            files.append(SeedFile(path.name, list(tensor.shape)))
            progress("export", number + 1, len(documents), "files")
        encoded = msgspec.json.format(msgspec.json.encode(metadata), indent=1)
        write_whole(temporary / METADATA, encoded)
    return files


def _activation_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.")
    numbers = {
        path: int(found[1])
        for path in folder.iterdir()
        if (found := re.fullmatch(r"activations_(\d+)\.pt", path.name))
    }
    if not numbers:
        raise UserError(
            f"{folder} holds no activations.", "They are files named activations_0.pt and so on."
        )
    return sorted(numbers, key=lambda path: (numbers[path], path.name))


def _load(path: Path) -> Tensor:
    """The activations `[tokens, d_model]` in a file, in a dtype that the store has."""
    loaded = load_plain(path)
    if not isinstance(loaded, Tensor):
        raise UserError(f"{path} holds a {type(loaded).__name__}, not a tensor of activations.")
    acts = loaded.detach()
    if acts.ndim == 3 and len(acts) == 1:
        acts = acts[0]  # a batch of one
    flat = acts.layout == torch.strided and acts.ndim == 2 and acts.shape[1] <= _WIDEST
    if not flat or acts.dtype not in _STORED_AS:
        raise UserError(
            f"{path} holds a {acts.dtype} tensor of shape {tuple(acts.shape)},"
            " not activations of shape (tokens, d_model)."
        )
    return acts.to(_STORED_AS[acts.dtype])


def _check_alike(acts: Tensor, first: Tensor, path: Path, first_path: Path) -> None:
    if acts.shape[1] != first.shape[1]:
        raise UserError(
            f"{path} holds activations of width {acts.shape[1]}, but {first_path.name} of width"
            f" {first.shape[1]}."
        )
    if acts.dtype != first.dtype:
        raise UserError(f"{path} is {acts.dtype}, but {first_path.name} is {first.dtype}.")


def _shared(values: Iterable[str]) -> str:
    """The value that all have in common, or nothing."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else ""

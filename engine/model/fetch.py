"""A model's files, downloaded ahead into the hub's cache on this machine, where loading finds them.

A file that is cut off goes on where it stopped: huggingface_hub begins it anew, which on a line
that drops is never over for files of gigabytes. So large files are taken in pieces here, checked,
and put where huggingface_hub keeps them; all else is its work.
"""

import contextlib
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.file_download import repo_folder_name

from engine.errors import UserError
from engine.files import write_whole
from engine.model.fetch_file import (
    DroppedConnection,
    blob_is_whole,
    bytes_so_far,
    fetch_blob,
)
from engine.model.load_errors import explaining, short_message
from engine.progress import Progress

_WEIGHTS = (
    re.compile(r"model(-[0-9]+-of-[0-9]+)?\.safetensors"),
    re.compile(r"pytorch_model(-[0-9]+-of-[0-9]+)?\.bin"),
)
"""Names of weights that transformers loads, the kind that it prefers first."""
_BESIDE = (".json", ".txt", ".model", ".jinja", ".tiktoken")
"""Endings of what it reads beside them: configurations, tokenizers, chat templates."""
_TEMPLATES = "additional_chat_templates/"


@dataclass(frozen=True)
class FetchedModel:
    """A model whose files are on this machine."""

    commit: str
    """Of the revision that was asked for, when it was fetched."""
    folder: Path
    files: int
    bytes: int
    """Of all files."""
    downloaded: int
    """Of these, the bytes that came over the network now."""


def fetch_model(name: str, revision: str | None, progress: Progress) -> FetchedModel:
    """Download what transformers reads of the model `name` on the hub, and is not here yet.

    `revision`: a branch, a tag or a commit; None: the default branch. What was asked for then
    means the commit that was fetched, for whoever loads the model without a network. Cancelled, or
    cut off, it goes on later where it stopped.

    Raises UserError for what can't be had, for a repository without weights, for too little room,
    and where huggingface_hub is told to stay off the network.
    """
    check_online(name)
    with explaining("files", name, revision), _explaining_the_line(name):
        progress("look up", 0)
        info = huggingface_hub.HfApi().model_info(name, revision=revision, files_metadata=True)
        pinned = str(info.sha)
        listed = {file.rfilename: file for file in info.siblings or []}
        files = [listed[path] for path in model_files(listed)]
        if not any(_is_weights(file.rfilename) for file in files):
            raise UserError(
                f"{name} holds no weights that transformers reads.",
                "Look for a repository with a config.json and .safetensors files.",
            )
        blobs = cache_folder(name) / "blobs"
        missing = [file for file in files if not _is_here(name, file, pinned, blobs)]
        _check_space(blobs, missing)
        total = sum(int(file.size or 0) for file in files)
        done = total - sum(int(file.size or 0) for file in missing)
        downloaded = 0
        for file in missing:

            def tell(here: int, so_far: int = done) -> None:
                progress("download", so_far + here, total, "bytes")

            tell(0)
            if file.lfs is not None:
                downloaded += fetch_blob(
                    huggingface_hub.hf_hub_url(name, file.rfilename, revision=pinned),
                    blobs,
                    sha256=_digest(file),
                    size=int(file.size or 0),
                    tell=tell,
                )
            else:
                downloaded += int(file.size or 0)
            huggingface_hub.hf_hub_download(name, file.rfilename, revision=pinned)
            done += int(file.size or 0)
        progress("download", total, total, "bytes")
        _name_commit(name, revision, pinned)
    folder = cache_folder(name) / "snapshots" / pinned
    return FetchedModel(pinned, folder, len(files), total, downloaded)


def model_files(listed: Collection[str]) -> list[str]:
    """Of the files of a repository those that transformers reads of a model: weights of the kind
    that it prefers, and what it needs beside them, which come first."""
    kinds = ([path for path in listed if kind.fullmatch(path)] for kind in _WEIGHTS)
    weights = next(filter(None, kinds), [])
    beside = [
        path
        for path in listed
        if (path.endswith(_BESIDE) and "/" not in path) or path.startswith(_TEMPLATES)
    ]
    return [*sorted(beside), *sorted(weights)]


def check_online(name: str) -> None:
    """Raise UserError where huggingface_hub is told to stay off the network."""
    if constants.HF_HUB_OFFLINE:
        raise UserError(
            f"HF_HUB_OFFLINE keeps the network away, so {name} can't be fetched.",
            "Unset it, in the engine's environment too: brainsurg engine stop.",
        )


def cache_folder(name: str) -> Path:
    """Where huggingface_hub keeps the files of a model."""
    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type="model")


def _check_space(blobs: Path, files: Iterable[Any]) -> None:
    """Raise UserError unless there is room for what is missing of `files`."""
    wanted = sum(int(file.size or 0) - bytes_so_far(blobs, _digest(file)) for file in files)
    there = next(path for path in (blobs, *blobs.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if wanted > free:
        raise UserError(
            f"{wanted / 1e9:,.1f} GB are to be downloaded, and {there} has {free / 1e9:,.1f} GB"
            " free.",
            "Make room, or have HF_HOME name a folder on a larger disk.",
        )


def _name_commit(name: str, revision: str | None, commit: str) -> None:
    """Have the cache say which commit a branch or tag means, for who loads it offline."""
    if revision != commit:
        path = cache_folder(name) / "refs" / (revision or constants.DEFAULT_REVISION)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, commit.encode())


def _is_weights(path: str) -> bool:
    return any(kind.fullmatch(path) for kind in _WEIGHTS)


def _digest(file: Any) -> str:
    """What the cache calls a file: its SHA-256, of a small one its git hash."""
    return str(file.lfs.sha256 if file.lfs is not None else file.blob_id)


def _is_here(name: str, file: Any, commit: str, blobs: Path) -> bool:
    pointer = cache_folder(name) / "snapshots" / commit / file.rfilename
    return pointer.exists() and blob_is_whole(blobs / _digest(file), pointer, int(file.size or 0))


@contextlib.contextmanager
def _explaining_the_line(name: str) -> Iterator[None]:
    """Turn a connection that is lost, or was never there, into a UserError."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        lost = isinstance(error, DroppedConnection) or type(error).__module__.startswith("httpx")
        if not lost:
            raise
        raise UserError(
            f"The connection to the hub was lost: {short_message(error)}",
            f"What came is kept. Go on with: brainsurg fetch {name}",
        ) from error

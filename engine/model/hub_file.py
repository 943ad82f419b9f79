"""One file of a repository of the hub, fetched into the hub's cache on this machine."""

import re
from pathlib import Path

import huggingface_hub
from huggingface_hub.errors import EntryNotFoundError

from engine.model.download_bar import bar_for
from engine.model.fetch import cache_folder
from engine.model.fetch_file import fetch_blob
from engine.progress import Progress

_DIGEST = re.compile(r"[0-9a-f]{64}")
"""By which the hub keeps large files: their SHA-256."""


def hub_file(
    repository: str, file: str, revision: str | None, progress: Progress, *, local_only: bool
) -> Path:
    """Where a file is in the cache, downloaded first if need be; `local_only`: if it is there.

    A large file that is cut off, or cancelled, goes on where it stopped when it is asked for again,
    which huggingface_hub does not do. Raises what huggingface_hub raises, and what `fetch_blob`
    does.
    """
    if not (local_only or huggingface_hub.constants.HF_HUB_OFFLINE):
        _fetch_large(repository, file, revision, progress)
    return Path(
        huggingface_hub.hf_hub_download(
            repository,
            file,
            revision=revision,
            local_files_only=local_only,
            tqdm_class=bar_for(progress),
        )
    )


def _fetch_large(repository: str, file: str, revision: str | None, progress: Progress) -> None:
    """Put a large file where huggingface_hub keeps it; small ones, and what it says of a hub that
    can't be reached, are its work."""
    try:
        url = huggingface_hub.hf_hub_url(repository, file, revision=revision)
        about = huggingface_hub.get_hf_file_metadata(url)
    except EntryNotFoundError:
        raise
    except Exception:  # it asks again, and takes what is in the cache where the hub can't answer
        return
    if about.etag is None or about.size is None or not _DIGEST.fullmatch(about.etag):
        return
    size = about.size
    fetch_blob(
        huggingface_hub.hf_hub_url(repository, file, revision=about.commit_hash),
        cache_folder(repository) / "blobs",
        sha256=about.etag,
        size=size,
        tell=lambda here: progress("download", here, size, "bytes"),
    )

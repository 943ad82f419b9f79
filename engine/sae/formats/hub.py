"""Autoencoders on the Hugging Face hub, fetched file by file: large ones may lie beside them."""

import contextlib
import re
from pathlib import Path

from engine.errors import UserError
from engine.progress import Progress
from engine.sae.formats import dictionary_learning, sparsify
from engine.sae.formats.libraries import file_names, recognise
from engine.sae.formats.stated_figures import BESIDE

_REPOSITORY = re.compile(r"([\w.-]+/[\w.-]+)(?::/?([^:]*?)/?)?", re.ASCII)


def repository(source: str) -> tuple[str, str]:
    """`owner/name[:folder]` as the repository and the folder. UserError for anything else."""
    found = _REPOSITORY.fullmatch(source)
    if found is None:
        raise UserError(
            f"{source!r} is neither a file or folder here nor a repository of the hub.",
            "Write the latter as owner/name, or owner/name:folder.",
        )
    return found[1], found[2] or ""


def fetch(source: str, format: str | None, progress: Progress) -> Path:
    """Download what is in `owner/name[:folder]`, or the one file `owner/name:folder/file.pt`.

    Gives the folder or file on this machine; what was fetched before is not fetched again. Of a
    folder only files with the names that `format` (None: any format) gives them are asked for.
    """
    from huggingface_hub.errors import LocalEntryNotFoundError

    from engine.model.load_errors import explaining

    name, inside = repository(source)
    if inside.endswith(".pt"):
        wanted = [inside]
    else:
        wanted = [f"{inside}/{file}" if inside else file for file in file_names(format)]
    with explaining("SAE", name, None):
        fetched = _download(name, wanted, progress)
        if inside and any(path.name == sparsify.WEIGHTS for path in fetched):
            run = Path(inside).parent / sparsify.RUN  # it names the model
            with contextlib.suppress(LocalEntryNotFoundError):
                _download(name, [run.as_posix()], progress)
        stated = [Path(inside) / BESIDE[path.name] for path in fetched if path.name in BESIDE]
        if stated and not inside.endswith(".pt"):
            with contextlib.suppress(LocalEntryNotFoundError):
                _download(name, [file.as_posix() for file in stated], progress)
        if inside.endswith(".pt") and fetched and _needs_config(fetched[0], format):
            configs = dictionary_learning.config_places(Path(inside))
            with contextlib.suppress(LocalEntryNotFoundError):
                _download(name, [config.as_posix() for config in configs], progress)
    if not fetched:
        raise UserError(
            f"There is no autoencoder in {source} on the hub.",
            f"Name the folder or .pt file inside the repository: {name}:FOLDER.",
        )
    return fetched[0] if inside.endswith(".pt") else fetched[0].parent


def _needs_config(file: Path, format: str | None) -> bool:
    """Whether a `.pt` file is dictionary_learning's, which doesn't tell its class by itself."""
    with contextlib.suppress(UserError):
        return recognise(file, format)[0] == "dictionary_learning"
    return False


def _download(name: str, files: list[str], progress: Progress) -> list[Path]:
    """Those of the files that the repository has, on this machine.

    Without a network, those that are here already; raises LocalEntryNotFoundError if none is.
    The hub is given up at the first file for which it can't be reached: that takes its time.
    """
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    fetched: list[Path] = []
    unreachable: LocalEntryNotFoundError | None = None
    for done, file in enumerate(files):
        progress("download", done, len(files), "files")
        try:
            here = unreachable is not None
            path = huggingface_hub.hf_hub_download(name, file, local_files_only=here)
            fetched.append(Path(path))
        except LocalEntryNotFoundError as error:
            unreachable = error
        except EntryNotFoundError:
            continue
    progress("download", len(files), len(files), "files")
    if unreachable is not None and not fetched:
        raise unreachable
    return fetched

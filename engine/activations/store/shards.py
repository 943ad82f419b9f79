"""One shard of an activation set, and the checks that it is the one that was written.

Torch-free. A shard is a safetensors file of consecutive rows, one row a token:

    activations   [rows, d_model]  float32, bfloat16 or float16
    token_ids     [rows] int32     what the model read at this row
    document_ids  [rows] int32     index into documents.jsonl
    positions     [rows] int32     which token of its document this is, from 0
    norms         [rows] float32   of the activations; NaN of one with a number that isn't finite

Older versions wrote no norms.

The rows of a document are consecutive and documents stand in order, so a row is the document's
first row plus the position. A document may go on in the next shard.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from engine.activations.store.manifest import (
    DOCUMENTS,
    ROW_KINDS,
    VOCABULARY,
    Manifest,
    Shard,
    read_extents,
)
from engine.errors import UserError
from engine.files import sha256

SAFETENSORS_DTYPES = {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}
_AGAIN = "Capture the set again, or restore the file from a copy."


def shard_name(number: int) -> str:
    """The file name of shard `number`, counted from 0."""
    return f"activations-{number:05d}.safetensors"


def check_files(folder: Path, manifest: Manifest, *, verify: bool = False) -> None:
    """Raise a UserError that names the first file of the set that isn't what the manifest says.

    Sizes and headers are always checked, which costs nothing; `verify` also reads every file once
    and compares its checksum.
    """
    if sum(shard.tokens for shard in manifest.shards) != manifest.tokens:
        raise UserError(f"The manifest of {folder} contradicts itself on how many tokens it has.")
    if manifest.dtype not in SAFETENSORS_DTYPES:
        raise UserError(
            f"The manifest of {folder} names the dtype {manifest.dtype!r}.",
            f"It is one of {', '.join(SAFETENSORS_DTYPES)}.",
        )
    for shard in manifest.shards:
        _check_shard(folder / shard.file, shard, manifest)
    tables = [DOCUMENTS, VOCABULARY] + ([] if manifest.row_summary is None else [ROW_KINDS])
    for name in tables:
        if not (folder / name).is_file():
            raise UserError(f"{folder / name} is missing.", _AGAIN)
    if verify:
        sums = manifest.checksums | {shard.file: shard.sha256 for shard in manifest.shards}
        for name, expected in sums.items():
            if sha256(folder / name) != expected:
                raise UserError(f"{folder / name} has been altered: its checksum differs.", _AGAIN)


def document_bounds(folder: Path, manifest: Manifest) -> npt.NDArray[np.int64]:
    """`[documents + 1]`: document i holds the rows from `bounds[i]` to `bounds[i + 1]`."""
    extents = read_extents(folder)
    starts = np.array([extent.start for extent in extents], dtype=np.int64)
    tokens = np.array([extent.tokens for extent in extents], dtype=np.int64)
    bounds = np.concatenate([[0], np.cumsum(tokens)])
    consistent = (
        len(extents) == manifest.documents
        and bounds[-1] == manifest.tokens
        and (tokens >= 0).all()
        and (starts == bounds[:-1]).all()
    )
    if not consistent:
        raise UserError(f"{folder / DOCUMENTS} does not fit the set's manifest.", _AGAIN)
    return bounds


def shard_starts(manifest: Manifest) -> npt.NDArray[np.int64]:
    """`[shards]`: the first row of every shard."""
    tokens = np.array([shard.tokens for shard in manifest.shards], dtype=np.int64)
    return np.cumsum(tokens) - tokens


def _check_shard(path: Path, shard: Shard, manifest: Manifest) -> None:
    if not path.is_file():
        raise UserError(f"The shard {path} is missing.", _AGAIN)
    size = path.stat().st_size
    if size != shard.bytes:
        change = "truncated" if size < shard.bytes else "altered"
        raise UserError(
            f"The shard {path} has been {change}: {size:,} bytes instead of {shard.bytes:,}.",
            _AGAIN,
        )
    expected = {
        "activations": (
            SAFETENSORS_DTYPES[manifest.dtype],
            [shard.tokens, manifest.d_model],
        ),
        "token_ids": ("I32", [shard.tokens]),
        "document_ids": ("I32", [shard.tokens]),
        "positions": ("I32", [shard.tokens]),
    }
    norms = {"norms": ("F32", [shard.tokens])}
    try:
        with safe_open(path, framework="np") as file:
            parts = {name: file.get_slice(name) for name in file.offset_keys()}
            found = {name: (part.get_dtype(), part.get_shape()) for name, part in parts.items()}
    except SafetensorError as error:
        raise UserError(f"The shard {path} has been altered: {error}.", _AGAIN) from error
    if found not in (expected | norms, expected):
        raise UserError(f"The shard {path} is not the one its manifest describes.", _AGAIN)

"""Writing an activation set, document by document.

The layout on disk is described in `engine.activations.store.manifest` and
`engine.activations.store.shards`.
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from engine.activations.store.manifest import (
    DOCUMENTS,
    MANIFEST,
    ROW_KINDS,
    VOCABULARY,
    Document,
    Manifest,
    Shard,
)
from engine.activations.store.measured_rows import measure_rows, shard_columns
from engine.activations.store.norms import row_norms
from engine.activations.store.row_kinds_files import write_row_kinds
from engine.activations.store.row_summary import SINK_MULTIPLE
from engine.activations.store.shards import SAFETENSORS_DTYPES, shard_name
from engine.activations.store.unfinished import SetState
from engine.errors import UserError
from engine.files import sha256, whole_file, whole_folder, write_whole

SHARD_BYTES = 128 << 20
COLUMNS_BYTES = 4 * 4
"""What a row holds beside its activations: token id, document id, position and norm."""


def row_bytes(about: Manifest) -> int:
    """Bytes on disk of a token of a set."""
    itemsize: int = getattr(torch, about.dtype).itemsize
    return about.d_model * itemsize + COLUMNS_BYTES


class ActivationWriter:
    """Writes one activation set; the folder appears, whole, when the `with` block ends well.

        about = Manifest(model=…, site=…, d_model=…, dtype=…)
        with ActivationWriter(folder, about, vocabulary) as writer:
            writer.add(acts, token_ids, text=prompt)
        writer.manifest     # complete now

    It holds one shard (`shard_bytes`) in memory. Each is on disk, synced, as soon as it is full.

    With `unfinished`, another folder, the set is written there and stays there, whatever happens:
    `save` makes all that it was given outlive the process, and a writer that is opened with the
    state that `save` returned goes on behind it. Both make the same bytes as one that was never
    interrupted. When the block has ended well, the caller puts the folder into its place.
    """

    def __init__(
        self,
        folder: Path,
        about: Manifest,
        vocabulary: Sequence[str],
        *,
        shard_bytes: int = SHARD_BYTES,
        sink_multiple: float = SINK_MULTIPLE,
        unfinished: Path | None = None,
        state: SetState | None = None,
    ) -> None:
        """`about` is the manifest without its counts, shards and checksums.

        `vocabulary` is written when the block ends: a caller may extend it until then.
        `sink_multiple`: see `engine.activations.store.row_kinds`.
        `state`: where an interrupted writer of the same set stood, in `unfinished`.
        """
        if about.dtype not in SAFETENSORS_DTYPES:
            raise UserError(
                f"Activations can't be stored as {about.dtype}.",
                f"Choose one of {', '.join(SAFETENSORS_DTYPES)}.",
            )
        self.manifest = about
        self._target = folder
        self._unfinished = unfinished
        self._state = SetState() if state is None else state
        self._vocabulary = vocabulary
        self._sink_multiple = sink_multiple
        self._stack = contextlib.ExitStack()
        dtype = getattr(torch, about.dtype)
        rows = max(1, shard_bytes // row_bytes(about))
        self._buffer = {
            "activations": torch.empty(rows, about.d_model, dtype=dtype),
            "token_ids": torch.empty(rows, dtype=torch.int32),
            "document_ids": torch.empty(rows, dtype=torch.int32),
            "positions": torch.empty(rows, dtype=torch.int32),
            "norms": torch.empty(rows, dtype=torch.float32),
        }
        self._capacity = rows
        self._filled = 0
        self._on_disk = 0
        """Rows of the shard that is being filled which are on disk already."""
        self._shards = list(self._state.shards)
        self._tokens = self._state.tokens
        self._documents = self._state.documents
        self._document: Document | None = None

    def __enter__(self) -> Self:
        if self._unfinished is None:
            self._folder = self._stack.enter_context(whole_folder(self._target))
        else:
            self._folder = self._unfinished
            self._folder.mkdir(parents=True, exist_ok=True)
        with self._stack:
            # Closed last to first: finish the set, close the documents, let the folder appear.
            self._table = self._stack.enter_context(self._open_table())
            self._restore_rows()
            self._stack.push(self._finish)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def add(
        self,
        acts: Tensor,
        token_ids: Tensor,
        *,
        text: str,
        category: str = "",
        generated: str = "",
    ) -> None:
        """Add a whole document: its acts `[tokens, d_model]` and token ids `[tokens]`.

        A row that is not finite is stored, counted and kept out of all that is made of the set.
        Raises UserError for a finite value beyond the dtype of the store.
        """
        self.begin(text=text, category=category, generated=generated)
        self.extend(acts, token_ids)
        self._end_document()

    def begin(self, *, text: str, category: str = "", generated: str = "") -> None:
        """Begin a document; `extend` adds its rows."""
        self._end_document()
        self._document = Document(
            text=text, category=category, generated=generated, start=self._tokens, tokens=0
        )

    def reopen(self, *, text: str) -> None:
        """Go on with the document that an interrupted writer was in; `text` is that document's."""
        if self._state.begun is not None:
            self._document = Document(text=text, start=self._state.begun, tokens=0)

    def save(self) -> SetState:
        """Make all that was added so far durable; where the set stands then. Only for a writer with
        an `unfinished` folder."""
        if self._filled > self._on_disk:
            self._write_rows()
            self._on_disk = self._filled
        self._table.flush()
        os.fsync(self._table.fileno())
        return SetState(
            shards=list(self._shards),
            rows=self._filled,
            tokens=self._tokens,
            documents=self._documents,
            documents_bytes=self._table.tell(),
            begun=None if self._document is None else self._document.start,
        )

    def extend(self, acts: Tensor, token_ids: Tensor) -> None:
        """Add the next rows of the document begun last: as `add`."""
        if self._document is None:
            raise ValueError("no document has been begun")
        if acts.shape != (len(token_ids), self.manifest.d_model):
            raise ValueError(f"{tuple(acts.shape)} does not fit {len(token_ids)} tokens")
        position = self._tokens - self._document.start
        done = 0
        while done < len(acts):
            part = slice(done, done + self._capacity - self._filled)
            self._fill(acts[part], token_ids[part], position + done)
            done += len(acts[part])

    def _fill(self, acts: Tensor, token_ids: Tensor, position: int) -> None:
        rows = slice(self._filled, self._filled + len(acts))
        stored = self._buffer["activations"][rows]
        stored.copy_(acts)
        norms = row_norms(stored)
        if acts[norms.isnan()].isfinite().all(1).any():
            raise UserError(
                f"The activations go beyond what {self.manifest.dtype} can hold.",
                "Store them as bfloat16 or float32.",
            )
        self._buffer["norms"][rows] = norms
        self._buffer["token_ids"][rows] = token_ids
        self._buffer["document_ids"][rows] = self._documents
        self._buffer["positions"][rows] = torch.arange(position, position + len(acts))
        self._filled += len(acts)
        self._tokens += len(acts)
        if self._filled == self._capacity:
            self._write_shard()

    def _write_shard(self) -> None:
        path = self._write_rows()
        self._shards.append(
            Shard(
                file=path.name, tokens=self._filled, bytes=path.stat().st_size, sha256=sha256(path)
            )
        )
        self._filled = self._on_disk = 0

    def _write_rows(self) -> Path:
        """Write the rows of the shard that is being filled under the name of that shard. Those that
        are there already stay what they are: a state that was saved before remains good."""
        path = self._folder / shard_name(len(self._shards))
        with whole_file(path) as temporary:
            save_file({name: t[: self._filled] for name, t in self._buffer.items()}, temporary)
        return path

    def _open_table(self) -> BinaryIO:
        path = self._folder / DOCUMENTS
        if not self._state.documents_bytes:
            return path.open("wb")
        table = path.open("r+b")
        table.truncate(self._state.documents_bytes)
        table.seek(self._state.documents_bytes)
        return table

    def _restore_rows(self) -> None:
        """Take up the rows of the shard that an interrupted writer was filling."""
        if not self._state.rows:
            return
        path = self._folder / shard_name(len(self._shards))
        try:
            with safe_open(path, framework="pt") as file:
                for name, column in self._buffer.items():
                    column[: self._state.rows] = file.get_slice(name)[: self._state.rows]
        except (OSError, SafetensorError, RuntimeError) as error:
            raise UserError(
                f"{path} is missing, or not what the capture had stored: {error}.",
                "Begin anew with --replace.",
            ) from error
        self._filled = self._on_disk = self._state.rows

    def _end_document(self) -> None:
        if self._document is not None:
            tokens = self._tokens - self._document.start
            document = msgspec.structs.replace(self._document, tokens=tokens)
            self._table.write(msgspec.json.encode(document) + b"\n")
            self._documents += 1
            self._document = None

    def _finish(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            return
        if not self._tokens:
            raise UserError("There is nothing to store: no token was captured.")
        self._end_document()
        if self._filled:
            self._write_shard()
        self._table.flush()
        os.fsync(self._table.fileno())
        write_whole(self._folder / VOCABULARY, msgspec.json.encode(list(self._vocabulary)))
        kinds = measure_rows(
            lambda: shard_columns(self._folder, self._shards), self.manifest, self._sink_multiple
        )
        write_row_kinds(self._folder / ROW_KINDS, kinds.kinds)
        self.manifest = msgspec.structs.replace(
            self.manifest,
            row_summary=kinds.summary,
            tokens=self._tokens,
            documents=self._documents,
            shards=self._shards,
            checksums={
                name: sha256(self._folder / name) for name in (DOCUMENTS, VOCABULARY, ROW_KINDS)
            },
        )
        manifest = msgspec.json.format(msgspec.json.encode(self.manifest), indent=1)
        write_whole(self._folder / MANIFEST, manifest)

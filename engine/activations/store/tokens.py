"""The tokens of an activation set, for whoever shows them: ids, places and readable texts.

Torch-free: safetensors maps a shard and copies out only the integers asked for, so the daemon can
render a snippet of a set of any size without touching an activation.
"""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import numpy.typing as npt
from safetensors import safe_open

from engine.activations.store.manifest import (
    DOCUMENTS,
    VOCABULARY,
    Manifest,
    read_manifest,
    read_vocabulary,
)
from engine.activations.store.shards import check_files, document_bounds, shard_starts

Ints = npt.NDArray[np.int32]

_SLICES, _SLICE = 16, 256
"""How many stretches of token ids a digest looks at, and how long they are."""


class TokenWindow(msgspec.Struct, frozen=True):
    """A stretch of consecutive tokens of one document."""

    document: int
    first: int
    """Position of the first token in the document."""
    ids: list[int]
    tokens: list[str]
    """The readable text of every token, as the vocabulary has it."""


class TokenTable:
    """Token ids, document ids and positions of a whole set; `len` is its tokens."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.vocabulary = read_vocabulary(folder)
        self.document_bounds = document_bounds(folder, manifest)
        """[documents + 1]: document i holds the rows from bounds[i] to bounds[i + 1]."""
        self._starts = shard_starts(manifest)
        self._open: dict[int, Any] = {}

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the set in `folder`. Raises UserError, naming the file, for a damaged set."""
        manifest = read_manifest(folder)
        check_files(folder, manifest)
        return cls(folder, manifest)

    def __len__(self) -> int:
        return self.manifest.tokens

    @cached_property
    def text_digest(self) -> str:
        """A digest of the set's texts, to tell it from another of its name: of the checksums of its
        documents, with their extents, and of its vocabulary, of the pieces in which the model read
        them, and of token ids from here and there.

        The same text captured again has the same, be its activations rounded in another way.
        """
        about = self.manifest
        tables = (DOCUMENTS, VOCABULARY)
        texts = {name: digest for name, digest in about.checksums.items() if name in tables}
        read = (texts, about.tokens, about.bos_token_id, about.context)
        digest = hashlib.sha256(msgspec.json.encode(read, order="sorted"))
        for first in np.linspace(0, max(0, len(self) - _SLICE), _SLICES).astype(int).tolist():
            some = self.token_ids(first, min(first + _SLICE, len(self)))
            digest.update(some.astype("<i4").tobytes())
        return digest.hexdigest()

    def token_ids(self, first: int, last: int) -> Ints:
        """The token ids of the rows from `first` to `last`, `[last - first]`."""
        return self._slice("token_ids", first, last)

    def document_ids(self, first: int, last: int) -> Ints:
        """The document of each row from `first` to `last`, `[last - first]`."""
        return self._slice("document_ids", first, last)

    def positions(self, first: int, last: int) -> Ints:
        """The position in its document of each row from `first` to `last`, `[last - first]`."""
        return self._slice("positions", first, last)

    def text(self, token_id: int) -> str:
        """The readable text of a token id; of one that the vocabulary lacks, the id itself."""
        if 0 <= token_id < len(self.vocabulary):
            return self.vocabulary[token_id]
        return f"<{token_id}>"

    def window(self, document: int, position: int, *, before: int, after: int) -> TokenWindow:
        """Up to `before` tokens before a position, the token at it, and up to `after` behind it.

        It ends where the document ends, and where the model's sight ended: a document longer than
        the set's context was shown to the model in pieces, and tokens of another piece had no part
        in what was observed at this position.
        Raises IndexError for a place that isn't there.
        """
        if not 0 <= document < self.manifest.documents:
            raise IndexError(f"no document {document} in {self.folder}")
        start, end = self.document_bounds[document : document + 2].tolist()
        if not 0 <= position < end - start:
            raise IndexError(f"no position {position} in document {document} of {self.folder}")
        seen_from, seen_to = 0, end - start
        if self.manifest.context is not None:
            seen_from = position - position % self.manifest.context
            seen_to = min(seen_to, seen_from + self.manifest.context)
        first = max(position - before, seen_from)
        ids = self.token_ids(start + first, start + min(position + after + 1, seen_to)).tolist()
        return TokenWindow(document, first, ids, [self.text(token_id) for token_id in ids])

    def _slice(self, name: str, first: int, last: int) -> Ints:
        if not 0 <= first <= last <= len(self):
            raise IndexError(f"rows {first} to {last} of the {len(self)} of {self.folder}")
        parts: list[Ints] = [np.empty(0, dtype=np.int32)]
        number = int(np.searchsorted(self._starts, first, side="right")) - 1
        while first < last:
            shard = self.manifest.shards[number]
            start = int(self._starts[number])
            stop = min(last, start + shard.tokens)
            parts.append(self._shard(number).get_slice(name)[first - start : stop - start])
            first = stop
            number += 1
        return np.concatenate(parts)

    def _shard(self, number: int) -> Any:
        if number not in self._open:
            path = self.folder / self.manifest.shards[number].file
            self._open[number] = safe_open(path, framework="np")
        return self._open[number]

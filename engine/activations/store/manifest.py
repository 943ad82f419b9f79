"""What an activation set says about itself: `manifest.json` and the tables beside it.

Torch-free. A set is a folder:

    manifest.json        a `Manifest`
    documents.jsonl      a `Document` a line, in the order of their rows
    vocabulary.json      a list: the readable text of every token id that the shards may hold
    row_kinds.npy        what each row is, see `engine.activations.store.row_kinds_files`
    activations-00000.safetensors, …    the shards, see `engine.activations.store.shards`
"""

from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from engine.activations.store.row_summary import Count, RowSummary
from engine.activations.text_files import readable
from engine.errors import UNDECODABLE, UserError

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
DOCUMENTS = "documents.jsonl"
VOCABULARY = "vocabulary.json"
ROW_KINDS = "row_kinds.npy"


class Shard(msgspec.Struct, frozen=True):
    """One file of consecutive rows."""

    file: str
    """Its name inside the folder."""
    tokens: Count
    """Its rows."""
    bytes: Count
    """Its size on disk."""
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One activation set: what was observed where, and the files that hold it."""

    model: str
    """The model as the user named it; empty: unknown (an imported set)."""
    site: str
    """Where in the model, as `engine.model.site` spells it; empty: unknown."""
    d_model: Count
    """Width of an activation vector."""
    dtype: str
    """What the activations are stored in: float32, bfloat16 or float16."""
    revision: str | None = None
    """The model's commit on the hub, where it has one."""
    model_dtype: str = ""
    """What the model computed in: float32, bfloat16 or float16; empty: unknown."""
    quantisation: str = ""
    """What the model's weights were stored in, such as Q4_1 of a GGUF file, or int8; empty: in
    numbers of a type that it can compute in, or unknown."""
    tokenizer: str = ""
    """Whose ids the token ids are; empty: the set's own, good only for its vocabulary.json."""
    bos_token_id: int | None = None
    """The token with which the tokenizer begins a text; None: unknown, or there is none."""
    prefix_token_ids: list[int] = []
    """All tokens that the tokenizer puts before a text, such as `[gMASK] <sop>`, BOS included;
    empty: unknown, or there are none."""
    special_token_ids: list[int] = []
    """The other special tokens, where prompts were put into a chat template that writes them."""
    chat_template: str = ""
    """The name of the tokenizer's chat template that prompts were put into; empty: into none."""
    origin: str = ""
    """What was captured, in a sentence."""
    context: Annotated[int, msgspec.Meta(ge=1, lt=1 << 48)] | None = None
    """Longest stretch of a document that the model saw at once, in tokens: the row at position p
    was position p % context of its forward pass. None: every document was seen whole."""
    tokens: Count = 0
    documents: Count = 0
    shards: list[Shard] = []
    checksums: dict[str, str] = {}
    """SHA-256 of documents.jsonl, vocabulary.json and row_kinds.npy."""
    row_summary: RowSummary | None = None
    """What was measured of the rows; None in sets of older versions, of which it is measured on
    first use (`engine.activations.store.activation_set.ActivationSet.measure_rows`)."""
    format_version: int = FORMAT_VERSION

    @property
    def start_token_ids(self) -> list[int]:
        """The tokens that stand before a text and are none of it: BOS and those of the prefix."""
        bos = [] if self.bos_token_id is None else [self.bos_token_id]
        return sorted({*bos, *self.prefix_token_ids})


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of the set are one document's: `start` to `start + tokens`."""

    start: Count
    tokens: Count


class Document(Extent, frozen=True, kw_only=True):
    """A text whose activations were observed."""

    text: str
    """The prompt, or the document of a corpus (whole, even if max_tokens cut its capture short)."""
    category: str = ""
    generated: str = ""
    """The model's continuation of `text`, when it made one."""


T = TypeVar("T")


def read_manifest(folder: Path) -> Manifest:
    """The set's manifest. Raises UserError when `folder` is no activation set or a later kind."""
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(f"{folder} is no activation set: it holds no {MANIFEST}.")
    data = _bytes(path)
    version = _decoded(data, path, _Version).format_version
    if version != FORMAT_VERSION:
        raise UserError(
            f"{folder} is of format {version}; this version reads format {FORMAT_VERSION}.",
            "Capture it again, or read it with the version that wrote it.",
        )
    manifest = _decoded(data, path, Manifest)
    if any(Path(shard.file).name != shard.file for shard in manifest.shards):
        raise UserError(f"{path} names files outside its folder.")
    return manifest


def read_documents_table(folder: Path) -> list[Document]:
    """Every document of the set, in the order of its rows."""
    return _decoded_lines(folder / DOCUMENTS, Document)


def read_extents(folder: Path) -> list[Extent]:
    """Where every document's rows lie: `read_documents_table` without the texts."""
    return _decoded_lines(folder / DOCUMENTS, Extent)


def read_category_names(folder: Path) -> list[str]:
    """The category of every document, empty where it has none, in the order of their rows."""
    return [document.category for document in _decoded_lines(folder / DOCUMENTS, _Categorised)]


def read_vocabulary(folder: Path) -> list[str]:
    """The readable text of every token id."""
    path = folder / VOCABULARY
    return _decoded(_bytes(path), path, list[str])


class _Categorised(msgspec.Struct):
    category: str = ""


class _Version(msgspec.Struct):
    format_version: int


def _bytes(path: Path) -> bytes:
    with readable(path):
        return path.read_bytes()


def _decoded(data: bytes, path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except UNDECODABLE as error:
        raise _altered(path, error) from error


def _decoded_lines(path: Path, kind: type[T]) -> list[T]:
    decoder: Any = msgspec.json.Decoder(kind)
    try:
        decoded: list[T] = decoder.decode_lines(_bytes(path))
    except UNDECODABLE as error:
        raise _altered(path, error) from error
    return decoded


def _altered(path: Path, error: Exception) -> UserError:
    return UserError(f"{path} is damaged: {error}.", "Capture the set again.")

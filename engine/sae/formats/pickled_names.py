"""Which library a `.pt` file is from, by the names in it. Nothing is unpickled; torch-free.

A file of `torch.save` is a zip archive with the pickle `data.pkl` in it, or, of an older torch,
four pickles and more. What stands in a pickle as text can be had without running it.
"""

import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

_OPENAI = {"pre_bias", "latent_bias", "encoder.weight"}
_DICTIONARIES = (
    {"encoder.weight", "decoder.weight", "encoder.bias"},
    {"encoder.weight", "decoder.weight", "decoder_bias", "r_mag"},
    {"W_enc", "W_dec", "b_enc", "b_dec", "threshold"},
)
_GOODFIRE = {"encoder_linear.weight", "decoder_linear.weight"}
_QWEN = {"W_enc", "W_dec", "b_enc", "b_dec"}
_LARGEST = 1 << 24
"""Bytes of a pickle without its tensors; those of state dictionaries have some thousands."""
_PICKLES = 4


Held = Literal["openai", "dictionary_learning", "goodfire", "qwen_scope", "none"]


def library_of(path: Path) -> Held | None:
    """Whose autoencoder a `.pt` file holds; `none` of those known; None if it can't be read."""
    try:
        names = set(_texts(path))
    except Exception:  # a damaged pickle makes its reader raise anything
        return None
    if names >= _OPENAI:
        return "openai"
    if any(names >= some for some in _DICTIONARIES):
        return "dictionary_learning"
    if names >= _GOODFIRE:
        return "goodfire"
    return "qwen_scope" if names >= _QWEN else "none"


def _texts(path: Path) -> Iterator[str]:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            for _ in range(_PICKLES):
                yield from _texts_of_pickle(file)
        return
    with zipfile.ZipFile(path) as archive:
        (entry,) = [e for e in archive.infolist() if e.filename.endswith("/data.pkl")]
        if entry.file_size > _LARGEST:
            raise ValueError("a pickle too long for one of tensors")
        with archive.open(entry) as file:
            yield from _texts_of_pickle(file)


def _texts_of_pickle(file: IO[bytes]) -> Iterator[str]:
    for _, argument, _ in pickletools.genops(file):
        if isinstance(argument, str):
            yield argument

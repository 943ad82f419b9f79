"""Tokens as a person would read them, for each of the ways in which tokenizers write them."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from transformers.convert_slow_tokenizer import bytes_to_unicode

_BYTE_OF = {character: byte for byte, character in bytes_to_unicode().items()}
"""How byte-level tokenizers write each byte as a printable character: `Ġ` is the space."""

_BYTE_FALLBACK = re.compile(r"<0x([0-9A-F]{2})>")


@dataclass(frozen=True)
class PieceReader:
    """How one tokenizer writes its tokens, and so how to read them."""

    read: Callable[[str], str]
    """The text of a token, with the space that leads it."""
    byte_level: bool
    """Whether tokens are written in the byte alphabet."""


def piece_reader(tokenizer: Any) -> PieceReader:
    """How to read the tokens of a transformers tokenizer, found out from how it decodes."""
    decoders = list(_decoders(tokenizer))
    if any(decoder["type"] == "ByteLevel" for decoder in decoders):
        return PieceReader(_read_bytes, byte_level=True)
    for decoder in decoders:
        if decoder["type"] == "WordPiece":
            return PieceReader(_word_piece_reader(decoder["prefix"]), byte_level=False)
        if decoder["type"] == "BPEDecoder":
            return PieceReader(_suffix_reader(decoder["suffix"]), byte_level=False)
    return PieceReader(_read_sentence_piece, byte_level=False)


def _decoders(tokenizer: Any) -> Iterator[dict[str, Any]]:
    """The steps by which the `tokenizers` library turns tokens into text, as its file has them."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None and backend.decoder is not None:
        decoder = json.loads(backend.decoder.__getstate__())
        yield from decoder["decoders"] if decoder["type"] == "Sequence" else [decoder]


def _read_bytes(token: str) -> str:
    """A token of a byte-level tokenizer: GPT-2, Llama 3, Qwen. Some hold foreign tokens too."""
    if not all(character in _BYTE_OF for character in token):
        return token
    return _text(bytes(_BYTE_OF[character] for character in token))


def _read_sentence_piece(token: str) -> str:
    """A token of a SentencePiece tokenizer: Llama 2, Gemma, Mistral."""
    byte = _BYTE_FALLBACK.fullmatch(token)
    return _text(bytes.fromhex(byte[1])) if byte else token.replace("▁", " ")


def _word_piece_reader(prefix: str) -> Callable[[str], str]:
    """For BERT's tokenizers, which write `##` where no space leads."""
    return lambda token: token.removeprefix(prefix) if token.startswith(prefix) else f" {token}"


def _suffix_reader(suffix: str) -> Callable[[str], str]:
    """For GPT-1's tokenizers, which write `</w>` where a space follows."""
    return lambda token: token.replace(suffix, " ")


def _text(written: bytes) -> str:
    return written.decode("utf-8", errors="backslashreplace")

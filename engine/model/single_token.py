"""From what a user types to the one token that they mean."""

from engine.errors import UserError
from engine.model.load import LanguageModel
from engine.model.text import encode, prefix_length

_SHOWN = 8
"""Pieces of what is no token that are named."""


def ids_of_token(lm: LanguageModel, texts: list[str], token: str) -> list[int]:
    """The ids of the tokens that read as `token`, with or without a space that leads it.

    `texts` is the text of every token id. Raises UserError if there is none.
    """
    spellings = (token, f" {token}") if token else ()
    found = [index for index, text in enumerate(texts) if text in spellings]
    if not found:
        ids = encode(lm, token)
        pieces = [texts[i] for i in ids[prefix_length(lm, ids) :].tolist()]
        first = next((piece for piece in pieces if piece.strip()), "")
        read = " + ".join(map(repr, pieces[:_SHOWN])) or "nothing"
        read += " + …" if len(pieces) > _SHOWN else ""
        raise UserError(
            f"{token!r} is no single token of {lm.source}, which reads it as {read}.",
            f"Name one token, such as its first, {first!r}." if first else "Name a token.",
        )
    return found

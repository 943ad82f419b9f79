"""Pieces of text on which a feature is active, token by token (no torch here)."""

import msgspec


class Snippet(msgspec.Struct, frozen=True, kw_only=True):
    """A window of tokens around one feature's largest activation in one document."""

    text: str
    """The tokens joined."""
    tokens: list[str]
    activations: list[float]
    """The feature's activation at each token; 0 where it is not active."""
    peak: int
    """Index in `tokens` of the largest activation."""
    document: int
    """Number of the document in its activation set."""
    position: int
    """Position of the peak in that document."""

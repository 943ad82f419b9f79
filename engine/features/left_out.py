"""Tokens that features say nothing of, and that no edit touches (no torch here)."""

from typing import Literal

import msgspec


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was asked for and is never edited."""

    position: int
    """From 0."""
    reason: Literal["start", "sink", "not_given"]
    """`start`: the tokenizer puts it before a text; `sink`: its activation at the site is so long
    that it is no text's, see `engine.activations.store.row_kinds`; `not_given`: the SAE's files say
    that it isn't given it, see `engine.sae.formats.input_rule`."""

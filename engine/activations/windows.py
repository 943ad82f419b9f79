"""Cutting documents into what a model reads in one forward pass, and putting passes together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from engine.errors import UserError
from engine.model.load import LanguageModel
from engine.model.long_text import encode_pieces
from engine.model.text import prefix_length

DEFAULT_CONTEXT = 1024
PASS_TOKENS = 8192
"""Tokens of a forward pass."""
POOLED_PASSES = 4
"""Passes whose windows are sorted by length together."""


@dataclass(frozen=True)
class Window:
    """Consecutive tokens of one document, as the model sees them in one forward pass."""

    token_ids: Tensor
    """[tokens] int64, at most the context; first what the tokenizer puts before every text."""
    begins: str | None
    """The text of the document that begins here; None: it goes on from the window before."""


SomeWindow = TypeVar("SomeWindow", bound=Window)


def checked_context(lm: LanguageModel, context: int | None) -> int:
    """How many tokens the model is shown at once; None: what it allows, at most 1,024.

    Raises UserError for a context that it can't read.
    """
    if context is None:
        return min(lm.context, DEFAULT_CONTEXT)
    if not 2 <= context <= lm.context:
        raise UserError(
            f"The model can't read windows of {context:,} tokens.",
            f"Choose a context from 2 to {lm.context:,}.",
        )
    return context


def cut_documents(
    lm: LanguageModel, documents: Iterable[str], context: int, max_tokens: int | None
) -> Iterator[Window]:
    """Every document in windows of `context` tokens, the last of each as short as it falls.

    What comes first is the tokenizer's policy: where it begins a text with BOS, or with several
    tokens such as `[gMASK] <sop>`, every window begins so, because models trained with them
    misbehave on a sequence that lacks them; where it doesn't, none does. They count as tokens.
    After `max_tokens` the last window ends short.
    Raises UserError for a context that has no room for more than them.
    """
    left = max_tokens
    for text in documents:
        for number, (part, _) in enumerate(cut_document(lm, text, context)):
            if left == 0:
                return
            window = part[:left]
            if left is not None:
                left -= len(window)
            yield Window(window, begins=text if number == 0 else None)


def cut_document(lm: LanguageModel, text: str, context: int) -> Iterator[tuple[Tensor, float]]:
    """The token ids [tokens] of a document's windows, see `cut_documents`; none for one without a
    token of its own. Behind each, the share of the text that is tokenised, 0 to 1.

    Memory: a piece of a long text, see `engine.model.long_text`.
    """
    prefix, body = torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64)
    for number, (piece, share) in enumerate(encode_pieces(lm, text)):
        if number == 0:
            prefix, piece = piece.tensor_split([prefix_length(lm, piece)])  # noqa: PLW2901
            if len(piece) and len(prefix) >= context:
                raise UserError(
                    f"Windows of {context} tokens have no room for text behind the {len(prefix)} "
                    "that the tokenizer puts before it.",
                    "Choose a larger context.",
                )
        body = torch.cat([body, piece])
        room = max(1, context - len(prefix))
        whole = len(body) if share == 1 else len(body) - len(body) % room
        for part in torch.split(body[:whole], room):
            if len(part):
                yield torch.cat([prefix, part]), share
        body = body[whole:]


def pools(windows: Iterable[SomeWindow], tokens: int) -> Iterator[list[SomeWindow]]:
    """Runs of windows that together reach `tokens` tokens; the last run is what is left."""
    pool: list[SomeWindow] = []
    held = 0
    for window in windows:
        pool.append(window)
        held += len(window.token_ids)
        if held >= tokens:
            yield pool
            pool, held = [], 0
    if pool:
        yield pool


def passes(pool: Sequence[Window], tokens: int) -> Iterator[list[int]]:
    """Indices into `pool`, put together by similar length, so that little of a pass is padding.

    A pass is at most `tokens` tokens large, padding included (a single longer window excepted).
    """
    by_length = sorted(range(len(pool)), key=lambda i: len(pool[i].token_ids), reverse=True)
    together: list[int] = []
    for index in by_length:
        if together and (len(together) + 1) * len(pool[together[0]].token_ids) > tokens:
            yield together
            together = []
        together.append(index)
    if together:
        yield together


def padded(windows: Sequence[Window]) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask, both `[windows, longest]`, padded on the right with id 0.

    A causal model's tokens never see what is right of them, so padding changes nothing they do.
    """
    ids = [window.token_ids for window in windows]
    mask = [torch.ones_like(window) for window in ids]
    pad = torch.nn.utils.rnn.pad_sequence
    return pad(ids, batch_first=True), pad(mask, batch_first=True)

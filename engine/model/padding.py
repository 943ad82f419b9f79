"""Prompts of different lengths in one batch, and whether a model minds."""

from collections.abc import Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from engine.model.caching import cache_is_reliable, steps_agree
from engine.model.load import LanguageModel
from engine.progress import Progress

_PROMPTS = ((3, 4, 5), (6, 3, 5, 4, 3, 6, 4, 5))
"""The first is padded by more than its own length."""

_reliable: WeakKeyDictionary[LanguageModel, bool] = WeakKeyDictionary()


class LeftPadded(NamedTuple):
    """Rows of token ids that end together."""

    ids: Tensor
    """[batch, longest]"""
    mask: Tensor
    """[batch, longest] int64: 1 where a row's own tokens are, 0 on what fills up before them."""
    padding: Tensor
    """[batch] int64: the number of tokens that fill up each row."""


def left_padded(rows: Sequence[Tensor]) -> LeftPadded:
    """Rows of token ids [tokens], each filled up on the left to the longest with the id 0."""
    ids = pad_sequence(list(rows), batch_first=True, padding_side="left")
    longest = ids.shape[1]
    padding = torch.tensor([longest - len(row) for row in rows], device=ids.device)
    mask = torch.arange(longest, device=ids.device) >= padding[:, None]
    return LeftPadded(ids, mask.long(), padding)


def padding_is_reliable(lm: LanguageModel) -> bool:
    """Whether a row that is padded on the left says what it says alone, but for rounding.

    It is measured, once for each model: two rows of different lengths are continued in one batch
    under an edit that depends on the position, and each is read again alone. A recurrent model that
    takes padding into its state fails, and one that counts positions from the padding.
    """
    if lm not in _reliable:
        prompts = [torch.tensor(prompt, device=lm.device) for prompt in _PROMPTS]
        _reliable[lm] = steps_agree(lm, *left_padded(prompts), use_cache=cache_is_reliable(lm))
    return _reliable[lm]


def note_on_padding(lm: LanguageModel, prompts: int, progress: Progress) -> None:
    """Say that prompts of different lengths can't share batches, where that is so."""
    if prompts > 1 and not padding_is_reliable(lm):
        progress.note(
            f"{lm.source} says something else beside padding, as recurrent models do: only prompts"
            " of the same length are continued together."
        )

"""One text under many variants of what is at a site: what is below the site is run once for all."""

import inspect
from contextlib import ExitStack
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from engine.model.agreement import agree
from engine.model.contiguous import contiguous_unembedding
from engine.model.edit import Edit, Rewrite, editing, reading_edits
from engine.model.inputs import checked_ids
from engine.model.load import LanguageModel
from engine.model.locate import show_site
from engine.model.site import Site
from engine.progress import Cancelled

Variants = Rewrite
"""Gets activations of a text at the site that is read and at the one that is varied, [1, tokens,
width] each, and its positions [1, tokens]; returns [variants, tokens, width] of the latter without
changing them where they are, in any dtype, on any device."""

_TEXT = (3, 4, 5, 6, 3, 5)

_reliable: WeakKeyDictionary[LanguageModel, dict[Site, bool]] = WeakKeyDictionary()


def logits_of_variants(
    lm: LanguageModel,
    token_ids: Tensor,
    site: Site,
    variants: Variants,
    number: int,
    *,
    read: Site | None = None,
    last_only: bool = False,
) -> Tensor:
    """The logits [number, tokens, vocab_size] of a text [tokens] under each of `number` variants.

    What is varied is at `site`, by what is at `read`, which comes before it; None: the same.
    In the model's dtype; with `last_only` those of the last token, [number, 1, vocab_size]. Where
    the model allows it, the text is read as one row up to the site, and as `number` rows from there
    on; else it is as many rows from the beginning.
    Raises UserError for a site that the model does not have and as `checked_ids`.
    """
    ids = checked_ids(lm, token_ids[None])
    run = _spread if can_spread(lm, site) else _repeat
    keep = 1 if last_only else 0  # 0 is all of them, to transformers
    return run(lm, ids, read or site, site, variants, number=number, keep=keep)


def keeps_logits(lm: LanguageModel) -> bool:
    """Whether the model can be told for how many of the last tokens it is to compute logits."""
    return "logits_to_keep" in inspect.signature(lm.model.forward).parameters


@torch.no_grad()
def _spread(
    lm: LanguageModel,
    ids: Tensor,
    read: Site,
    site: Site,
    variants: Variants,
    *,
    number: int,
    keep: int,
) -> Tensor:
    """One row becomes many at the site: what is above it takes its batch from its input."""

    def spread(x: Tensor, y: Tensor, positions: Tensor) -> Tensor:
        return _checked(variants(x, y, positions), y, number)

    with ExitStack() as hooks:
        for where, edit in reading_edits(read, site, spread).items():
            for handle in show_site(lm, where, partial(_edit_at, edit, ids.shape[1])):
                hooks.callback(handle.remove)
        return _logits(lm, ids, keep)


def _edit_at(edit: Edit, tokens: int, x: Tensor) -> Tensor:
    return edit(x, torch.arange(tokens, device=x.device)[None])


@torch.no_grad()
def _repeat(
    lm: LanguageModel,
    ids: Tensor,
    read: Site,
    site: Site,
    variants: Variants,
    *,
    number: int,
    keep: int,
) -> Tensor:
    def repeat(x: Tensor, y: Tensor, positions: Tensor) -> Tensor:
        return _checked(variants(x[:1], y[:1], positions[:1]), y[:1], number)

    with editing(lm, reading_edits(read, site, repeat)):
        return _logits(lm, ids.expand(number, -1), keep)


def _logits(lm: LanguageModel, ids: Tensor, keep: int) -> Tensor:
    some: dict[str, Any] = {}
    if keep and keeps_logits(lm):
        # as a number it would leave all tokens but the last out of some layers of Gemma 4
        some["logits_to_keep"] = torch.arange(ids.shape[1] - keep, ids.shape[1], device=ids.device)
    with contiguous_unembedding(lm):
        scores: Tensor = lm.model(input_ids=ids, use_cache=False, **some).logits
    return scores[:, -keep:]


def _checked(made: Tensor, x: Tensor, number: int) -> Tensor:
    if made.shape != (number, *x.shape[1:]):
        raise ValueError(f"{number} variants of {x.shape} can't be {made.shape}")
    return made.to(x).contiguous()  # some models write into what they are given


def can_spread(lm: LanguageModel, site: Site) -> bool:
    """Whether both ways give the same logits, but for rounding: measured once for each site.

    There are families that note the size of their batch where they begin, and sites within a layer
    beside which the layer's input goes on as the one row that it was.
    """
    sites = _reliable.setdefault(lm, {})
    if site not in sites:
        sites[site] = _ways_agree(lm, site)
    return sites[site]


def _ways_agree(lm: LanguageModel, site: Site) -> bool:
    def turned(_: Tensor, y: Tensor, __: Tensor) -> Tensor:
        return torch.cat([y, y + y.roll(1, -1), y - y.roll(1, -2)])

    ids = torch.tensor([_TEXT], device=lm.device)
    repeated = _repeat(lm, ids, site, site, turned, number=3, keep=0)
    try:
        spread = _spread(lm, ids, site, site, turned, number=3, keep=0)
    except Cancelled:
        raise
    except Exception:  # whatever goes wrong inside, the model may be given all rows
        return False
    return agree(spread, repeated, lm.dtype)

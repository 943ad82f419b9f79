"""Whether a model writes the same with its cache, or its state, as without."""

from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from transformers import GenerationConfig

from engine.model.agreement import agree
from engine.model.edit import editing
from engine.model.load import LanguageModel
from engine.model.quiet import quiet
from engine.model.site import Site
from engine.progress import Cancelled

_PROMPTS = ((3, 4, 5, 6), (6, 3, 5, 4))
_STEPS = 3

_reliable: WeakKeyDictionary[LanguageModel, bool] = WeakKeyDictionary()


def cache_is_reliable(lm: LanguageModel) -> bool:
    """Whether steps that go on from a cache give the logits that the whole text gives, under edits.

    It is measured, once for each model: two rows are continued by a few tokens under an edit that
    depends on the position, and read again as a whole. There are families that keep a state
    of their own in another place, that lose it between steps, or that mix up rows.
    """
    if lm not in _reliable:
        ids = torch.tensor(_PROMPTS, device=lm.device)
        none = ids.new_zeros(len(ids))
        _reliable[lm] = steps_agree(lm, ids, torch.ones_like(ids), none, use_cache=True)
    return _reliable[lm]


def steps_agree(
    lm: LanguageModel, ids: Tensor, mask: Tensor, padding: Tensor, *, use_cache: bool
) -> bool:
    """Whether a generation, step by step, gives the logits that each row's whole text gives alone.

    `ids` and `mask` [batch, tokens], `padding` [batch]: see `engine.model.padding.LeftPadded`. Both
    are edited in dependence on the position. False where the generation fails, too.
    """
    settings = GenerationConfig(
        max_new_tokens=_STEPS,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
        pad_token_id=0,
        use_cache=use_cache,
    )
    edits = {Site("resid_post", 0): _turn_by_position}
    with torch.no_grad(), quiet():
        try:
            with editing(lm, edits, padding=padding):
                grown = lm.model.generate(
                    input_ids=ids, attention_mask=mask, generation_config=settings
                )
        except Cancelled:
            raise
        except Exception:  # whatever goes wrong in a cache, the model may do without
            return False
        with editing(lm, edits):
            whole = torch.stack(
                [
                    lm.model(input_ids=row[None, start:-1], use_cache=False).logits[0, -_STEPS:]
                    for row, start in zip(grown.sequences, padding.tolist(), strict=True)
                ]
            )
    return agree(torch.stack(grown.logits, 1), whole, lm.dtype)


def _turn_by_position(x: Tensor, positions: Tensor) -> Tensor:
    """Each x plus itself turned by a place, as often as its position says."""
    return x + positions[..., None] * x.roll(1, -1)

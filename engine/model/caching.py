"""Whether a model writes the same with its cache, or its state, as without."""

from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from transformers import GenerationConfig

from engine.model.edit import editing
from engine.model.load import LanguageModel
from engine.model.quiet import quiet
from engine.model.site import Site

_PROMPTS = ((3, 4, 5, 6), (6, 3, 5, 4))
_STEPS = 3
_ROUNDINGS = 8
_LEAST = 1e-3
"""As a share of the largest logit, what steps may differ by: `_ROUNDINGS` of the model's dtype and
at least this much. A state that is lost or of other tokens makes a difference of another order."""

_reliable: WeakKeyDictionary[LanguageModel, bool] = WeakKeyDictionary()


def cache_is_reliable(lm: LanguageModel) -> bool:
    """Whether steps that go on from a cache give the logits that the whole text gives, under edits.

    It is measured, once for each model: two rows are continued by a few tokens under an edit that
    depends on the position, and read again as a whole. There are families that keep a state
    of their own in another place, that lose it between steps, or that mix up rows.
    """
    if lm not in _reliable:
        _reliable[lm] = _steps_agree(lm)
    return _reliable[lm]


def _steps_agree(lm: LanguageModel) -> bool:
    prompts = torch.tensor(_PROMPTS, device=lm.device)
    settings = GenerationConfig(
        max_new_tokens=_STEPS,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
        pad_token_id=0,
    )
    with torch.no_grad(), quiet(), editing(lm, {Site("resid_post", 0): _turn_by_position}):
        try:
            grown = lm.model.generate(
                input_ids=prompts,
                attention_mask=torch.ones_like(prompts),
                generation_config=settings,
            )
        except Exception:  # whatever goes wrong in a cache, the model may do without
            return False
        whole = lm.model(input_ids=grown.sequences[:, :-1], use_cache=False).logits
    steps = torch.stack(grown.logits, 1).float()
    whole = whole[:, -steps.shape[1] :].float()
    allowed = max(_LEAST, _ROUNDINGS * torch.finfo(lm.dtype).eps) * whole.abs().max()
    return bool((steps - whole).abs().max() <= allowed)


def _turn_by_position(x: Tensor, positions: Tensor) -> Tensor:
    """Each x plus itself turned by a place, as often as its position says."""
    return x + positions[:, None] * x.roll(1, -1)

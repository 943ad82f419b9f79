"""What the model says next: logits and generated text, with or without edits."""

from collections.abc import Mapping

import torch
from torch import Tensor
from transformers import GenerationConfig

from engine.errors import UserError
from engine.model.caching import cache_is_reliable
from engine.model.edit import Edit, editing
from engine.model.inputs import checked_ids
from engine.model.load import LanguageModel
from engine.model.quiet import quiet
from engine.model.site import Site


def logits(
    lm: LanguageModel, input_ids: Tensor, edits: Mapping[Site, Edit] | None = None
) -> Tensor:
    """The logits [batch, tokens, vocab_size] of `input_ids` [batch, tokens], in the model's dtype.

    Without edits they are, bit for bit, the transformers model's own. Raises UserError as
    `checked_ids` and `editing`.
    """
    ids = checked_ids(lm, input_ids)
    with torch.no_grad(), editing(lm, edits or {}):
        scores: Tensor = lm.model(input_ids=ids, use_cache=False).logits
    return scores


def generate(
    lm: LanguageModel,
    input_ids: Tensor,
    max_new_tokens: int,
    *,
    temperature: float = 0.0,
    seed: int = 0,
    edits: Mapping[Site, Edit] | None = None,
) -> Tensor:
    """`input_ids` [batch, tokens] and their continuations, [batch, tokens + new].

    Rows are prompts of the same length, without padding. Temperature 0 takes the likeliest token;
    above it tokens are drawn from the whole distribution, the same ones for the same `seed`. A row
    ends with the model's end-of-text token and is filled up behind it; all end after
    `max_new_tokens`, or where the model's context ends.

    Where the model's cache can't be relied on, see `engine.model.caching`, the whole text is read
    at every step.

    Raises UserError as `checked_ids` and `editing`, and for figures out of range.
    """
    if temperature < 0:
        raise UserError("A temperature can't be negative.", "Use 0 for the likeliest tokens.")
    if max_new_tokens < 1:
        raise UserError("There is nothing to generate.", "Ask for at least one new token.")
    ids = checked_ids(lm, input_ids)
    room = lm.context - ids.shape[1]
    if room == 0:
        return ids
    sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    settings = GenerationConfig(
        max_new_tokens=min(max_new_tokens, room),
        eos_token_id=lm.model.generation_config.eos_token_id,
        pad_token_id=lm.model.generation_config.pad_token_id,
        use_cache=cache_is_reliable(lm),
        **(sampling if temperature > 0 else {"do_sample": False}),
    )
    gpus = [lm.device] if lm.device.type == "cuda" else []
    with quiet(), torch.random.fork_rng(devices=gpus), editing(lm, edits or {}):
        torch.manual_seed(seed)
        grown: Tensor = lm.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=settings
        )
    return grown

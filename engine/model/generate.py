"""What the model says next: logits and generated text, with or without edits."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor
from transformers import GenerationConfig

from engine.errors import UserError
from engine.model.caching import cache_is_reliable
from engine.model.contiguous import contiguous_unembedding
from engine.model.edit import Edit, editing
from engine.model.inputs import checked_ids
from engine.model.load import LanguageModel
from engine.model.padding import left_padded, padding_is_reliable
from engine.model.quiet import quiet
from engine.model.site import Site
from engine.model.variants import keeps_logits

BATCH_BYTES = 1 << 30
"""What the keys and values of a batch may take, reckoned with as many of them as d_model."""

EditsOfRows = Callable[[Sequence[int]], Mapping[Site, Edit]]
"""Gets which of the prompts are the rows of a batch, and returns the edits of that batch."""


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


def unedited(rows: Sequence[int]) -> Mapping[Site, Edit]:
    """No edits, whichever rows are in a batch."""
    return {}


def generate(
    lm: LanguageModel,
    prompts: Sequence[Tensor],
    max_new_tokens: int,
    *,
    temperature: float = 0.0,
    seed: int = 0,
    edits_of: EditsOfRows = unedited,
) -> list[Tensor]:
    """Each of `prompts` (token ids [tokens]) with its continuation: [tokens + new] on the device.

    Temperature 0 takes the likeliest token; above it tokens are drawn from the whole distribution,
    the same ones for the same `seed` and prompts. A text ends with the model's end-of-text token,
    after `max_new_tokens`, or where the model's context ends.

    Prompts of similar length share a batch, shorter ones padded on the left; where the model minds
    padding, see `engine.model.padding`, prompts of the same length do. A batch changes what its
    rows say by rounding alone. Where the model's cache can't be relied on, see
    `engine.model.caching`, the whole text is read at every step.

    Memory: beside the model, `BATCH_BYTES` for keys and values.
    Raises UserError as `checked_ids` and `editing`, and for figures out of range.
    """
    if temperature < 0:
        raise UserError("A temperature can't be negative.", "Use 0 for the likeliest tokens.")
    if max_new_tokens < 1:
        raise UserError("There is nothing to generate.", "Ask for at least one new token.")
    texts = [checked_ids(lm, prompt[None])[0] for prompt in prompts]
    gpus = [lm.device] if lm.device.type == "cuda" else []
    with quiet(), torch.random.fork_rng(devices=gpus):
        torch.manual_seed(seed)
        for new, rows in _batches(lm, [len(text) for text in texts], max_new_tokens):
            together = [texts[row] for row in rows]
            grown = _continue(lm, together, new, temperature, edits_of(rows))
            for row, text in zip(rows, grown, strict=True):
                texts[row] = text
    return texts


def _batches(
    lm: LanguageModel, lengths: Sequence[int], max_new_tokens: int
) -> Iterator[tuple[int, list[int]]]:
    """How many tokens a batch is continued by, and the indices of its prompts, by their lengths.

    Prompts without room for a token are in none.
    """
    pads = len(set(lengths)) > 1 and padding_is_reliable(lm)
    rows = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    together: list[int] = []
    new = 0
    for row in rows:
        room = min(max_new_tokens, lm.context - lengths[row])
        same = room == new and (pads or not together or lengths[row] == lengths[together[0]])
        if together and not (
            same and len(together) < _rows_at_once(lm, lengths[together[0]] + new)
        ):
            yield new, together
            together = []
        new = room
        if room:
            together.append(row)
    if together:
        yield new, together


def _rows_at_once(lm: LanguageModel, tokens: int) -> int:
    """How many rows of `tokens` tokens a batch may have."""
    size = lm.dtype.itemsize
    caches = 2 * lm.n_layers * lm.d_model * size * tokens
    all_logits = 0 if keeps_logits(lm) else tokens
    return max(1, BATCH_BYTES // (caches + (all_logits + 2) * lm.vocab_size * size))


def _continue(
    lm: LanguageModel,
    prompts: Sequence[Tensor],
    new: int,
    temperature: float,
    edits: Mapping[Site, Edit],
) -> Iterator[Tensor]:
    """The prompts, each with at most `new` more tokens, from one batch."""
    ends = lm.model.generation_config.eos_token_id
    fill = lm.model.generation_config.pad_token_id
    sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    settings = GenerationConfig(
        max_new_tokens=new,
        eos_token_id=ends,
        pad_token_id=fill,
        use_cache=cache_is_reliable(lm),
        **(sampling if temperature > 0 else {"do_sample": False}),
    )
    ids, mask, padding = left_padded(prompts)
    with editing(lm, edits, padding=padding), contiguous_unembedding(lm):
        grown = lm.model.generate(input_ids=ids, attention_mask=mask, generation_config=settings)
    stops = torch.tensor([] if ends is None else ends, device=ids.device).flatten()
    for text, start in zip(grown, padding.tolist(), strict=True):
        written = torch.isin(text[ids.shape[1] :], stops).nonzero()
        end = ids.shape[1] + int(written[0]) + 1 if len(written) else len(text)
        yield text[start:end]

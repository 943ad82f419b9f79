"""What an edit did to next-token distributions read off the same tokens."""

import torch
from torch import Tensor

from engine.interventions.spec import NextToken

_LIKELIEST = 5
_ELEMENTS = 1 << 22


def kl_per_position(clean: Tensor, edited: Tensor) -> Tensor:
    """KL(clean ‖ edited) = Σ_v p(v) · (log p(v) - log q(v)), in nats.

    Logits [tokens, vocab] of any dtype to [tokens] float64, in blocks of positions so that a large
    vocabulary doesn't cost memory.
    """
    step = max(1, _ELEMENTS // clean.shape[-1])
    parts = []
    for p_logits, q_logits in zip(torch.split(clean, step), torch.split(edited, step), strict=True):
        log_p, log_q = _log_probabilities(p_logits), _log_probabilities(q_logits)
        parts.append((log_p.exp() * (log_p - log_q)).sum(-1))
    # Rounding can leave a sum of differences a hair below its bound, which is 0.
    return torch.cat(parts).clamp(min=0)


def cross_entropy(logits: Tensor, token_ids: Tensor) -> float | None:
    """Mean -log p of each token but the first given those before it, in nats a token.

    logits: [tokens, vocab]; token_ids: [tokens]. None where there is but one token.
    """
    if len(token_ids) < 2:
        return None
    losses = torch.nn.functional.cross_entropy(
        logits[: len(token_ids) - 1].float(), token_ids[1:].to(logits.device), reduction="none"
    )
    return losses.double().mean().item()


def next_token_table(clean: Tensor, edited: Tensor, texts: list[str]) -> list[NextToken]:
    """The five likeliest tokens before the edit and the five after it, likeliest before first.

    Logits [vocab] at one position; `texts` is the text of every token id.
    """
    before, after = _log_probabilities(clean), _log_probabilities(edited)
    count = min(_LIKELIEST, len(texts))
    ids = {*before.topk(count).indices.tolist(), *after.topk(count).indices.tolist()}
    rows = [
        NextToken(token=texts[i], logp_before=before[i].item(), logp_after=after[i].item())
        for i in sorted(ids)
    ]
    return sorted(rows, key=lambda row: -row.logp_before)


def first_divergence(one: list[int], other: list[int]) -> int | None:
    """Index of the first place where two lists of token ids differ; None if they are the same.

    A list that ends where the other goes on differs there.
    """
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return None if len(one) == len(other) else min(len(one), len(other))


def _log_probabilities(logits: Tensor) -> Tensor:
    return logits.double().log_softmax(-1)

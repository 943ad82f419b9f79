"""What an edit did to next-token distributions read off the same tokens."""

from torch import Tensor

from engine.interventions.spec import NextToken
from engine.model.predictions import surprisal_per_position

_LIKELIEST = 5


def cross_entropy(logits: Tensor, token_ids: Tensor) -> float | None:
    """Mean -log p of each token but the first given those before it, in nats a token.

    logits: [tokens, vocab]; token_ids: [tokens]. None where there is but one token.
    """
    if len(token_ids) < 2:
        return None
    return surprisal_per_position(logits[: len(token_ids) - 1], token_ids[1:]).mean().item()


def next_token_table(clean: Tensor, edited: Tensor, texts: list[str]) -> list[NextToken]:
    """The five likeliest tokens before the edit and the five after it, likeliest before first.

    Logits [vocab] at one position; `texts` is the text of every token id.
    """
    before, after = (logits.double().log_softmax(-1) for logits in (clean, edited))
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

"""What logits say of the next token, and how much two models' logits differ: in nats and in fp64.

All work goes in blocks of positions, so that a large vocabulary doesn't cost memory.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

_ELEMENTS = 1 << 22


def surprisal_per_position(logits: Tensor, next_ids: Tensor) -> Tensor:
    """-log p(next token) = log Σ_v exp(logit_v) - logit_next; its mean is the cross-entropy (CE).

    Logits [tokens, vocab] of any dtype and the token that came after each position, [tokens], to
    [tokens] float64.
    """
    came = logits.gather(1, next_ids.to(logits.device)[:, None])[:, 0].double()
    return torch.cat([block.double().logsumexp(-1) for block in _blocks(logits)]) - came


def kl_per_position(clean: Tensor, edited: Tensor) -> Tensor:
    """KL(clean ‖ edited) = Σ_v p(v) · (log p(v) - log q(v)).

    Logits [tokens, vocab] of any dtype to [tokens] float64.
    """
    return kl_of_variants(clean, edited[None])[0]


def kl_of_variants(clean: Tensor, edited: Tensor) -> Tensor:
    """KL(clean ‖ edited) of many edits of one text, clean logits being read once for all of them.

    Logits [tokens, vocab] and [variants, tokens, vocab] of any dtype to [variants, tokens] float64.
    """
    parts = []
    tokens = max(1, _ELEMENTS // edited[:, :1].numel())
    for a, b in zip(torch.split(clean, tokens), torch.split(edited, tokens, dim=1), strict=True):
        log_p = a.double().log_softmax(-1)
        log_q = b.double().log_softmax(-1)
        parts.append((log_p - log_q).mul_(log_p.exp()).sum(-1))
    # Rounding can leave a sum of differences a hair below its bound, which is 0.
    return torch.cat(parts, dim=1).clamp(min=0)


def logp_of_tokens(logits: Tensor, ids: Sequence[int]) -> Tensor:
    """log Σ p(v) over the tokens `ids`: that one of them comes next.

    Logits [rows, tokens, vocab] of any dtype to [rows, tokens] float64.
    """
    chosen = logits[..., list(ids)].double().logsumexp(-1)
    rows = _blocks(logits.flatten(0, 1))
    return chosen - torch.cat([row.double().logsumexp(-1) for row in rows]).view(chosen.shape)


def rank_of_tokens(logits: Tensor, ids: Sequence[int]) -> Tensor:
    """The rank of the likeliest of the tokens `ids` among all: 1 is the likeliest of all.

    Logits [rows, tokens, vocab] of any dtype to [rows, tokens] float64. Equal ones share the
    better rank.
    """
    best = logits[..., list(ids)].amax(-1, keepdim=True)
    return 1 + (logits > best).sum(-1).double()


def _blocks(logits: Tensor) -> tuple[Tensor, ...]:
    return torch.split(logits, max(1, _ELEMENTS // logits.shape[-1]))

"""What logits say of the next token, and how much two models' logits differ: in nats and in fp64.

All work goes in blocks of positions, so that a large vocabulary doesn't cost memory.
"""

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
    parts = []
    for p_logits, q_logits in zip(_blocks(clean), _blocks(edited), strict=True):
        log_p, log_q = (logits.double().log_softmax(-1) for logits in (p_logits, q_logits))
        parts.append((log_p.exp() * (log_p - log_q)).sum(-1))
    # Rounding can leave a sum of differences a hair below its bound, which is 0.
    return torch.cat(parts).clamp(min=0)


def _blocks(logits: Tensor) -> tuple[Tensor, ...]:
    return torch.split(logits, max(1, _ELEMENTS // logits.shape[-1]))

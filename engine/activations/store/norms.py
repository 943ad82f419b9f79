"""The norms of activations, and which are taken for what they are, see `row_kinds`."""

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.activations.store.row_kinds import are_taken, kinds_of
from engine.activations.store.row_summary import RowChoice, SinkRule


def row_norms(acts: Tensor) -> Tensor:
    """The norms [...] of activations [..., d_model], float32 on their device.

    NaN for one that holds NaN or infinity. One that is finite has a finite norm, also where its
    squares are beyond float32; norms end at float32's largest number.
    """
    norms: Tensor = torch.linalg.vector_norm(acts, dim=-1, dtype=torch.float32)
    beyond = ~norms.isfinite()
    if beyond.any():
        exact = torch.linalg.vector_norm(acts[beyond].double(), dim=-1)
        exact = exact.clamp_max(torch.finfo(torch.float32).max).where(exact.isfinite(), torch.nan)
        norms[beyond] = exact.float()
    return norms


def taken_tokens(
    acts: Tensor,
    token_ids: Tensor,
    *,
    start_ids: Sequence[int],
    special_ids: Sequence[int] = (),
    rule: SinkRule | None,
    choice: RowChoice = "text",
) -> Tensor:
    """Which activations [..., d_model] of tokens [...] of the model are taken: [...] bool, on their
    device."""
    kinds = kinds_of(
        row_norms(acts).cpu().numpy(),
        token_ids.cpu().numpy(),
        start_ids=start_ids,
        special_ids=special_ids,
        rule=rule,
    )
    return torch.from_numpy(are_taken(kinds, choice)).to(acts.device)

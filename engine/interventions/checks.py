"""What has to hold for an intervention to mean anything, measured on the text at hand."""

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from engine.interventions.delta import ResolvedEdit, apply_edits
from engine.interventions.operations import SCALE
from engine.interventions.prompt_run import PromptRun
from engine.interventions.spec import Checks
from engine.model.edit import editing
from engine.model.generate import logits

_DECODER_ROUNDING = 1e-5
"""Of float32 sums over all features, as a share of the largest activation of the token."""


@torch.no_grad()
def measure_checks(run: PromptRun, edits: Sequence[ResolvedEdit]) -> Checks:
    """Compare the plain model with our runs of it: unedited, with an edit of nothing, edited."""
    lm, sae = run.subject.lm, run.subject.sae
    batch = run.token_ids[None]
    plain = lm.model(input_ids=batch, use_cache=False).logits
    clean = logits(lm, batch)
    nothing = [dataclasses.replace(edit, operation=SCALE.name, amount=1.0) for edit in edits]
    x = run.activations()
    with editing(lm, run.steering(edits)):
        edited = run.activations()
    read = x.to(sae.W_dec.device)
    z = sae.encode(read)
    intended = (sae.decode(apply_edits(z, edits), read) - sae.decode(z, read)).to(x.device)
    intended[~run.touched] = 0
    bos = list(run.mask.bos)
    return Checks(
        no_op=torch.equal(logits(lm, batch, run.steering(nothing)), clean),
        hf_identical=torch.equal(clean, plain),
        error_kept=error_is_kept(x, edited, intended),
        error_kept_deviation=_relative_deviation(x, edited, intended),
        bos_masked=torch.equal(x[bos], edited[bos]) if bos else None,
    )


def error_is_kept(x: Tensor, edited: Tensor, intended: Tensor) -> bool:
    """Whether x became x + Δ within rounding: [tokens, d_model] each, Δ as `intended` in float32.

    Allowed are two roundings to the dtype of x in each number, and that of a decoder's sum.
    """
    epsilon = torch.finfo(x.dtype).eps
    size = x.float().abs() + intended.abs()
    allowed = epsilon * size + _DECODER_ROUNDING * size.amax(-1, keepdim=True)
    return bool((_deviation(x, edited, intended) <= allowed).all())


def combine_checks(checks: Sequence[Checks]) -> Checks:
    """The checks of all prompts as one: what holds on every prompt, and the largest deviation."""
    masked = [check.bos_masked for check in checks if check.bos_masked is not None]
    return Checks(
        no_op=all(check.no_op for check in checks),
        hf_identical=all(check.hf_identical for check in checks),
        error_kept=all(check.error_kept for check in checks),
        error_kept_deviation=max(check.error_kept_deviation for check in checks),
        bos_masked=all(masked) if masked else None,
    )


def _relative_deviation(x: Tensor, edited: Tensor, intended: Tensor) -> float:
    """The largest deviation of any token, as a share of the largest |x| + |Δ| of that token.

    Not of all tokens: BOS, which is not edited, may be hundreds of times as large as the others.
    """
    size = (x.double().abs() + intended.double().abs()).amax(-1)
    share = _deviation(x, edited, intended).amax(-1) / size
    return share.where(size > 0, 0).max().item()


def _deviation(x: Tensor, edited: Tensor, intended: Tensor) -> Tensor:
    return (edited.double() - x.double() - intended.double()).abs()

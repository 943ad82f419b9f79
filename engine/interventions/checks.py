"""What has to hold for an intervention to mean anything, measured on the text at hand."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from engine.interventions.delta import ResolvedEdit, apply_edits
from engine.interventions.operations import SCALE
from engine.interventions.prompt_run import LOGITS_AT_ONCE, PromptRun
from engine.interventions.spec import Checks
from engine.model.edit import editing
from engine.model.generate import logits
from engine.model.observe import observe
from engine.sae.blocks import rows_per_block

_DECODER_ROUNDING = 1e-5
"""Of float32 sums over all features, as a share of the largest activation of the token."""


class CheckedRun(NamedTuple):
    """A prompt's run, what was at the site in it, and whether the model and the edit do what they
    should."""

    run: PromptRun
    read: Tensor
    """[tokens, d_in], of the clean model, which the SAE is given."""
    written: Tensor
    """[tokens, d_out], of the clean model, which the edit is added to: for an SAE the same."""
    checks: Checks


def check_runs(runs: Sequence[PromptRun], edits: Sequence[ResolvedEdit]) -> Iterator[CheckedRun]:
    """Compare the plain model with our runs of it: unedited, with an edit of nothing, edited.

    Runs share batches, as many as `LOGITS_AT_ONCE` allows.
    """
    together: list[PromptRun] = []
    longest = 0
    for run in runs:
        longest = max(longest, len(run.token_ids))
        numbers = (len(together) + 1) * longest * run.subject.lm.vocab_size
        if together and numbers > LOGITS_AT_ONCE:
            yield from _check_batch(together, edits)
            together, longest = [], len(run.token_ids)
        together.append(run)
    if together:
        yield from _check_batch(together, edits)


@torch.no_grad()
def _check_batch(runs: Sequence[PromptRun], edits: Sequence[ResolvedEdit]) -> list[CheckedRun]:
    """The same for one batch: shorter rows are padded on the right, where no token sees it."""
    subject = runs[0].subject
    lm, site, target = subject.lm, subject.site, subject.edited_site
    batch = pad_sequence([run.token_ids for run in runs], batch_first=True)
    masks = [run.mask for run in runs]
    nothing = [dataclasses.replace(edit, operation=SCALE.name, amount=1.0) for edit in edits]
    plain = lm.model(input_ids=batch, use_cache=False).logits
    clean = logits(lm, batch)
    identical = [torch.equal(*rows) for rows in zip(clean, plain, strict=True)]
    del plain
    unmoved = logits(lm, batch, subject.edits([nothing] * len(runs), masks))
    no_op = [torch.equal(*rows) for rows in zip(unmoved, clean, strict=True)]
    del clean, unmoved
    before = observe(lm, batch, [site, target])
    with editing(lm, subject.edits([edits] * len(runs), masks)):
        after = observe(lm, batch, [target])[target]
    checked = []
    for row, run in enumerate(runs):
        read, x, edited = (
            each[row, : len(run.token_ids)] for each in (before[site], before[target], after)
        )
        starts = run.mask.is_start(run.positions)
        intended = _intended(run, read, x, edits)
        checks = Checks(
            no_op=no_op[row],
            hf_identical=identical[row],
            error_kept=error_is_kept(x, edited, intended),
            error_kept_deviation=_relative_deviation(x, edited, intended),
            bos_masked=_unmoved(x, edited, starts),
            sinks_masked=_unmoved(x, edited, run.mask.is_sink(read, x) & ~starts),
        )
        checked.append(CheckedRun(run, read, x, checks))
    return checked


def _intended(run: PromptRun, x: Tensor, y: Tensor, edits: Sequence[ResolvedEdit]) -> Tensor:
    """What an edit is to add to y [tokens, d_out] where x [tokens, d_in] is read, by decoding all
    features before and after it, in float32."""
    sae = run.subject.sae
    added = []
    for read in torch.split(x.to(sae.W_dec.device), rows_per_block(sae.config.d_sae)):
        z = sae.encode(read)
        added.append(sae.decode(apply_edits(z, edits), read) - sae.decode(z, read))
    touched = run.mask.at(run.positions, x, y)
    return torch.cat(added).to(x.device) * touched[:, None]


def _unmoved(x: Tensor, edited: Tensor, where: Tensor) -> bool | None:
    """Whether x is bit for bit what it was on some tokens; None: there are none."""
    return torch.equal(x[where], edited[where]) if where.any() else None


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
    starts = [check.bos_masked for check in checks if check.bos_masked is not None]
    sinks = [check.sinks_masked for check in checks if check.sinks_masked is not None]
    return Checks(
        no_op=all(check.no_op for check in checks),
        hf_identical=all(check.hf_identical for check in checks),
        error_kept=all(check.error_kept for check in checks),
        error_kept_deviation=max(check.error_kept_deviation for check in checks),
        bos_masked=all(starts) if starts else None,
        sinks_masked=all(sinks) if sinks else None,
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

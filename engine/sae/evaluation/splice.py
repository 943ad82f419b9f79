"""What a model loses when it must go on with an autoencoder's reconstruction.

The model reads text three times: as it is, with the activations at the autoencoder's site replaced
by their reconstruction, and with them replaced by 0. What it then says of each next token gives

    ce_score = (CE_zero − CE_sae) / (CE_zero − CE_clean),    delta_ce = CE_sae − CE_clean

and KL(clean ‖ spliced). The score is the "loss recovered" of Bricken et al. 2023 (Towards
Monosemanticity) and the "CE loss score" of SAEBench (Karvonen et al. 2025, arXiv:2503.09532), but
that SAEBench and SAELens put 0 at BOS, too: their CE_zero is that of `choice` "finite" here, and
their scores are others (`python -m benchmarks.evaluation`).
"""

import math
from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import torch
from torch import Tensor

from engine.activations.store.norms import taken_tokens
from engine.activations.store.row_summary import RowChoice, SinkRule
from engine.activations.windows import PASS_TOKENS, Window, padded, passes
from engine.errors import UserError
from engine.model.edit import Edit, reading_edits
from engine.model.generate import logits
from engine.model.load import LanguageModel
from engine.model.predictions import kl_per_position, surprisal_per_position
from engine.model.site import Site
from engine.progress import SILENT, Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.blocks import rows_per_block
from engine.sae.evaluation.sites import check_sites
from engine.sae.formats.input_rule import WHOLE, InputRule

PASS_LOGITS = 1 << 26
"""Logits of a forward pass, unless a single window has more: 256 MB in float32."""


class SpliceMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """A model's cross-entropy (CE) on some text, with and without an autoencoder in it, in nats."""

    ce_clean: float
    """Of the model as it is."""
    ce_sae: float
    """With the reconstruction in the place of the activations."""
    ce_zero: float
    """With 0 in their place."""
    ce_score: float
    """1: nothing is lost; 0: as much as with 0. Not a number where 0 loses nothing."""
    delta_ce: float
    """ce_sae − ce_clean"""
    kl: float
    """Mean of KL(clean ‖ spliced)."""
    predictions: int
    """Next-token distributions that the means are over."""


@torch.no_grad()
def splice(
    lm: LanguageModel,
    sae: SparseAutoencoder,
    site: Site,
    windows: Sequence[Window],
    *,
    start_token_ids: Sequence[int],
    special_token_ids: Sequence[int] = (),
    rules: Mapping[str, SinkRule | None] | None = None,
    choice: RowChoice = "text",
    given: InputRule = WHOLE,
    target: Site | None = None,
    progress: Progress = SILENT,
) -> SpliceMetrics:
    """Splice `sae` into `lm` while it reads `windows`, each in one go.

    A transcoder reads `site` and replaces what is at `target`, which comes later; None: the site
    itself. Only the tokens of the `choice` are replaced (`engine.activations.store.row_kinds`),
    without more said those of text: what stands before a text (`start_token_ids`, such as BOS), the
    special tokens of a chat template and sinks, by the `rules` of the sites, keep their own
    activations, as in training, also where 0 is put; so do tokens that the SAE isn't `given`. The
    means are over what is predicted at every token but the first of a window, which knows of no
    text yet, and the last, whose next token isn't there.

    Memory: beside the model, the logits of a pass three times.
    Raises UserError for a site that isn't there, another width, and text without such a token.
    """
    check_sites(lm, sae.config, site, target)
    target = target or site
    readable = [window for window in windows if len(window.token_ids) > 2]
    total = sum(len(window.token_ids) for window in readable)
    if not total:
        raise UserError("There is no text to splice into.", "Use texts of three tokens or more.")
    sums = torch.zeros(4, dtype=torch.float64, device=lm.device)
    predictions = done = 0
    for together in passes(readable, min(PASS_TOKENS, PASS_LOGITS // lm.vocab_size)):
        progress("measure CE and KL", done, total, "tokens")
        ids, mask = (part.to(lm.device) for part in padded([readable[i] for i in together]))

        places = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
        specials = [*start_token_ids, *special_token_ids]
        read = torch.from_numpy(given.applies(ids.cpu().numpy(), places, specials)).to(ids.device)
        read &= mask.bool()

        def taken(acts: Tensor, at: Site, ids: Tensor = ids, read: Tensor = read) -> Tensor:
            return read.to(acts.device) & taken_tokens(
                acts,
                ids.to(acts.device),
                start_ids=start_token_ids,
                special_ids=special_token_ids,
                rule=(rules or {}).get(str(at)),
                choice=choice,
            )

        sums += _compare(
            lm,
            ids,
            mask,
            reconstructing=_replacing(site, target, taken, lambda x: _decoded(sae, x)),
            zeroing=_replacing(
                site, target, taken, lambda x: x.new_zeros(len(x), sae.config.width_out)
            ),
        )
        predictions += int(mask.sum()) - 2 * len(together)
        done += int(mask.sum())
    progress("measure CE and KL", total, total, "tokens")
    ce_clean, ce_sae, ce_zero, kl = (sums / predictions).tolist()
    lost = ce_zero - ce_clean
    return SpliceMetrics(
        ce_clean=ce_clean,
        ce_sae=ce_sae,
        ce_zero=ce_zero,
        ce_score=(ce_zero - ce_sae) / lost if lost else math.nan,
        delta_ce=ce_sae - ce_clean,
        kl=kl,
        predictions=predictions,
    )


def _compare(
    lm: LanguageModel,
    ids: Tensor,
    mask: Tensor,
    reconstructing: Mapping[Site, Edit],
    zeroing: Mapping[Site, Edit],
) -> Tensor:
    """Sums over a pass: surprisal clean, spliced and zeroed, and KL(clean ‖ spliced), [4].

    ids and mask: [windows, tokens].
    """
    counted = torch.zeros_like(mask, dtype=torch.bool)
    counted[:, 1:-1] = mask[:, 2:].bool()  # tokens with one before them and one after them
    next_ids = ids.roll(-1, dims=1)[counted]
    clean = logits(lm, ids)[counted]
    spliced = logits(lm, ids, reconstructing)[counted]
    kl = kl_per_position(clean, spliced)
    ce_clean, ce_sae = (surprisal_per_position(each, next_ids) for each in (clean, spliced))
    del clean, spliced  # the next pass needs their memory
    ce_zero = surprisal_per_position(logits(lm, ids, zeroing)[counted], next_ids)
    return torch.stack([each.sum() for each in (ce_clean, ce_sae, ce_zero, kl)])


def _replacing(
    site: Site,
    target: Site,
    taken: Callable[[Tensor, Site], Tensor],
    make: Callable[[Tensor], Tensor],
) -> dict[Site, Edit]:
    """The edits that read `site` and put what `make` makes of it, [n, d_in] to [n, d_out], at
    `target`, at the tokens [windows, tokens] that are `taken` by what is at both."""

    def replace(x: Tensor, y: Tensor, _: Tensor) -> Tensor:
        replaced = taken(x, site)
        if site != target:
            replaced &= taken(y, target)
        return _with(y, replaced, make(x[replaced]))

    return reading_edits(site, target, replace)


def _with(x: Tensor, replaced: Tensor, vectors: Tensor) -> Tensor:
    """A copy of x [windows, tokens, width] with `vectors` [n, width] where `replaced` says."""
    changed = x.clone()
    changed[replaced] = vectors.to(x)
    return changed


def _decoded(sae: SparseAutoencoder, x: Tensor) -> Tensor:
    """What `sae` makes of x [n, d_in], a block at a time: [n, d_out] on sae's device."""
    blocks = torch.split(x.to(sae.W_dec.device), rows_per_block(sae.config.d_sae))
    return torch.cat([sae(block) for block in blocks])

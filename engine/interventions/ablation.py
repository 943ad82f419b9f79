"""Features taken out of a running model one at a time, many in a pass."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from engine.features.search.active_features import ActiveFeatures
from engine.interventions.prompt_run import PromptRun
from engine.model.variants import Variants, logits_of_variants


@torch.no_grad()
def logits_without(
    run: PromptRun, active: ActiveFeatures, indices: Sequence[int]
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each of `indices` into `active.features` the logits [vocab] after the text's last token,
    of the clean model and of the one that goes without that feature at every token of `active`.

    What is taken from the edited site is what the feature decodes to, no more: as in the edit
    `ablate`, the reconstruction error stays. Batches and clean rows are those of
    `PromptRun.logits_under`.
    """
    subject, at_once = run.subject, run.rows_at_once(last_only=True)
    for start in range(0, len(indices), at_once):
        some = indices[start : start + at_once]
        clean, *ablated = logits_of_variants(
            subject.lm,
            run.token_ids,
            subject.edited_site,
            _without_each(run, active, some),
            len(some) + 1,
            read=subject.site,
            last_only=True,
        )[:, -1]
        for row in ablated:
            yield clean, row


def _without_each(run: PromptRun, active: ActiveFeatures, indices: Sequence[int]) -> Variants:
    """Variants of a text: the first stays, and each of the others loses one feature."""
    sae = run.subject.sae
    acts = torch.stack([active.over_tokens(index) for index in indices])
    directions = sae.W_dec[active.features[list(indices)]]

    def ablate(x: Tensor, y: Tensor, _: Tensor) -> Tensor:
        written = acts[..., None] * directions[:, None] * sae.decoder_gain(x[0].to(acts.device))
        return torch.cat([y, (y.float() - written.to(y.device)).to(y.dtype)])

    return ablate

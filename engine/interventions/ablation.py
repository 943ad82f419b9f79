"""Features taken out of a running model one at a time, many in a pass."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from engine.features.search.active_features import Fired
from engine.interventions.prompt_run import Reading
from engine.model.edit import Edit
from engine.model.generate import logits


@torch.no_grad()
def logits_without(
    reading: Reading, fired: Fired, indices: Sequence[int]
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each of `indices` into `fired.features` the logits [vocab] after the text's last token,
    of the clean model and of the one that goes without that feature at every token of `fired`.

    What is taken from x is what the feature decodes to, no more: as in the edit `ablate`, the
    reconstruction error stays. Batches and clean rows are those of `Reading.logits_under`.
    """
    lm, at_once = reading.subject.lm, reading.rows_at_once
    for start in range(0, len(indices), at_once):
        some = indices[start : start + at_once]
        batch = reading.token_ids.expand(len(some) + 1, -1)
        edits = {reading.subject.site: _without(reading, fired, some)}
        clean, *ablated = logits(lm, batch, edits)[:, -1]
        for row in ablated:
            yield clean, row


def _without(reading: Reading, fired: Fired, indices: Sequence[int]) -> Edit:
    """Leaves the first row of a batch as it is, and takes a feature from each of the others."""
    sae = reading.subject.sae
    acts = torch.stack([fired.over_tokens(index) for index in indices])
    directions = sae.W_dec[fired.features[list(indices)]]

    def take_out(x: Tensor, _: Tensor) -> Tensor:
        written = acts[..., None] * directions[:, None] * sae.decoder_gain(x[0].to(acts.device))
        return torch.cat([x[:1], (x[1:].float() - written.to(x.device)).to(x.dtype)])

    return take_out

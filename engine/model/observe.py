"""Reading activations while the model runs."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

import torch
from torch import Tensor

from engine.model.inputs import checked_ids
from engine.model.load import LanguageModel
from engine.model.locate import show_site
from engine.model.site import Site


class _SeenEnough(Exception):  # noqa: N818  (no error, but the only way out of a forward pass)
    """Raised inside a forward pass when all that was asked for has been seen."""


def observe(
    lm: LanguageModel,
    input_ids: Tensor,
    sites: Sequence[Site],
    *,
    attention_mask: Tensor | None = None,
) -> dict[Site, Tensor]:
    """The activations [batch, tokens, d_model] at `sites`, all from one forward pass.

    `input_ids`: [batch, tokens]; shorter rows are padded on the right, where padding cannot reach
    the tokens before it, or anywhere with an `attention_mask` [batch, tokens] of 1 and 0.
    The pass stops after the last site, so later layers and the unembedding cost nothing.
    Activations are copies in the model's dtype, on its device, without gradients.

    Inside `editing` the pass is the edited one; at a site that is itself edited, what the edit
    made of it is observed.

    Raises UserError for a site that the model does not have and as `checked_ids`.
    """
    wanted = set(sites)
    seen: dict[Site, Tensor] = {}

    def keep(site: Site) -> Callable[[Tensor], None]:
        def see(activations: Tensor) -> None:
            seen[site] = activations.detach().to(lm.device, copy=True)
            if len(seen) == len(wanted):
                raise _SeenEnough

        return see

    ids = checked_ids(lm, input_ids)
    with ExitStack() as hooks, torch.no_grad():
        for site in wanted:
            for handle in show_site(lm, site, keep(site)):
                hooks.callback(handle.remove)
        if wanted:
            with suppress(_SeenEnough):
                lm.model(input_ids=ids, attention_mask=attention_mask, use_cache=False)
    return {site: seen[site] for site in sites}

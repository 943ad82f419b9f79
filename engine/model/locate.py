"""From the name of a site to its place in a model."""

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from engine.errors import UserError
from engine.model.branches import Branch
from engine.model.hooks import See, on_input, on_output
from engine.model.load import LanguageModel
from engine.model.site import Site, SiteInfo, SiteKind

_MEANINGS: dict[SiteKind, str] = {
    "resid_pre": "the residual stream that enters layer {}",
    "attn_out": "what the attention of layer {} adds to the residual stream",
    "mlp_out": "what the MLP of layer {} adds to the residual stream",
    "resid_post": "the residual stream that leaves layer {}",
}

_BRANCHES: dict[SiteKind, str] = {"attn_out": "attention", "mlp_out": "mlp"}
"""Kinds of sites inside a layer, and the field of `Branches` that tells where they are."""


def all_sites(lm: LanguageModel) -> list[SiteInfo]:
    """Every site that the model has, layer by layer, in the order in which they are computed."""
    sites = [Site(kind, layer) for layer in range(lm.n_layers) for kind in _MEANINGS]
    return [
        SiteInfo(
            site=str(site),
            module=_module(lm, site),
            width=lm.d_model,
            meaning=_MEANINGS[site.kind].format(site.layer),
        )
        for site in sites
        if site.kind not in _BRANCHES or _branch(lm, site) is not None
    ]


def check_site(lm: LanguageModel, site: Site) -> None:
    """Raises UserError if the model has no such site, and says which it has."""
    if site.layer >= lm.n_layers:
        raise UserError(
            f"There is no {site}: {lm.source} has {lm.n_layers} layers, counted from 0.",
            f"The last one is {site.kind}.{lm.n_layers - 1}.",
        )
    if site.kind in _BRANCHES and _branch(lm, site) is None:
        raise UserError(
            f"There is no {site}: layer {site.layer} of this {type(lm.model).__name__} is not the "
            "sum of its input, one attention and one MLP.",
            f"Use resid_pre.{site.layer} or resid_post.{site.layer}.",
        )


def show_site(lm: LanguageModel, site: Site, see: See) -> list[RemovableHandle]:
    """Show `see` the activations at `site`, [batch, tokens, d_model], in every forward pass.

    What `see` returns takes their place; None leaves them. The tensor may be the model's own:
    `see` must not change it, and must copy what it keeps. Lasts until the handles are removed.
    """
    check_site(lm, site)
    layer = lm.layers[site.layer]
    if site.kind == "resid_pre":
        return [on_input(layer, see)]
    branch = _branch(lm, site)
    if branch is None:
        return [on_output(layer, see)]
    shape: list[int] = []

    def note_shape(entering: Tensor) -> None:
        shape[:] = entering.shape

    def see_added(output: Tensor) -> Tensor | None:
        # OPT and some mixtures of experts flatten batch and tokens
        added = output.view(shape) if branch.scale == 1 else output.view(shape) * branch.scale
        changed = see(added)
        if changed is None:
            return None
        if branch.scale != 1:
            changed = output.view(shape) + (changed - added) / branch.scale
        # what `see` made may have other rows than the layer was given
        return changed if output.dim() == changed.dim() else changed.flatten(0, 1)

    return [on_input(layer, note_shape), on_output(layer.get_submodule(branch.path), see_added)]


def site_device(lm: LanguageModel, site: Site) -> torch.device:
    """Where the activations at `site` come to be. Raises UserError as `check_site`."""
    check_site(lm, site)
    entering, inside = lm.anatomy.devices[site.layer]
    return entering if site.kind == "resid_pre" else inside


def _branch(lm: LanguageModel, site: Site) -> Branch | None:
    if site.kind not in _BRANCHES:
        return None
    found: Branch | None = getattr(lm.anatomy.branches[site.layer], _BRANCHES[site.kind])
    return found


def _module(lm: LanguageModel, site: Site) -> str:
    branch = _branch(lm, site)
    return f"{lm.anatomy.path}.{site.layer}" + (f".{branch.path}" if branch else "")

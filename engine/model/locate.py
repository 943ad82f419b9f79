"""From the name of a site to its place in a model."""

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from engine.errors import UserError
from engine.model.hooks import See, on_input, on_output
from engine.model.load import LanguageModel
from engine.model.norms import measure_norm
from engine.model.places import Place
from engine.model.site import KINDS, Site, SiteInfo, SiteKind

_MEANINGS: dict[SiteKind, str] = {
    "resid_pre": "the residual stream that enters layer {}",
    "attn_z": "what the output projection of layer {}'s attention reads, heads side by side",
    "attn_out": "what the attention of layer {} adds to the residual stream",
    "mlp_in_unscaled": "what the MLP of layer {} is given, without the norm's gain and bias",
    "mlp_in": "what the MLP of layer {} is given",
    "mlp_out": "what the MLP of layer {} adds to the residual stream",
    "resid_post": "the residual stream that leaves layer {}",
}

_ABSENT: dict[SiteKind, tuple[str, str]] = {
    "attn_z": ("the attention of layer {} ends in no linear map", "attn_out"),
    "mlp_in": ("it can't be told where the MLP of layer {} begins", "mlp_out"),
    "mlp_in_unscaled": ("what the MLP of layer {} is given is no norm's output", "mlp_in"),
}
"""Kinds that a layer may lack though it is a sum: why, and the kind nearest to it."""


def all_sites(lm: LanguageModel) -> list[SiteInfo]:
    """Every site that the model has, layer by layer, in the order in which they are computed."""
    return [
        SiteInfo(
            site=str(Site(kind, layer)),
            module=".".join(filter(None, (lm.anatomy.path, str(layer), places[kind].path))),
            width=places[kind].width,
            meaning=_MEANINGS[kind].format(layer),
        )
        for layer, places in enumerate(lm.anatomy.places)
        for kind in KINDS
        if kind in places
    ]


def check_site(lm: LanguageModel, site: Site) -> None:
    """Raises UserError if the model has no such site, and says which it has."""
    _place(lm, site)


def site_width(lm: LanguageModel, site: Site) -> int:
    """The number of dimensions of an activation at `site`. Raises UserError as `check_site`."""
    return _place(lm, site).width


def _place(lm: LanguageModel, site: Site) -> Place:
    layer, name = site.layer, type(lm.model).__name__
    if layer >= lm.n_layers:
        raise UserError(
            f"There is no {site}: {lm.source} has {lm.n_layers} layers, counted from 0.",
            f"The last one is {site.kind}.{lm.n_layers - 1}.",
        )
    places = lm.anatomy.places[layer]
    if site.kind in places:
        return places[site.kind]
    why, nearest = _ABSENT.get(site.kind, ("", site.kind))
    while nearest in _ABSENT and nearest not in places:
        why, nearest = _ABSENT[nearest]
    if nearest not in places:
        raise UserError(
            f"There is no {site}: layer {layer} of this {name} is not the sum of its input, one"
            " attention and one MLP.",
            f"Use resid_pre.{layer} or resid_post.{layer}.",
        )
    raise UserError(
        f"There is no {site} in this {name}: {why.format(layer)}.", f"Use {nearest}.{layer}."
    )


def show_site(lm: LanguageModel, site: Site, see: See) -> list[RemovableHandle]:
    """Show `see` the activations at `site`, [batch, tokens, width], in every forward pass.

    What `see` returns takes their place; None leaves them. The tensor may be the model's own:
    `see` must not change it, and must copy what it keeps. Lasts until the handles are removed.
    Raises UserError as `check_site`.
    """
    place = _place(lm, site)
    layer = lm.layers[site.layer]
    on_side = on_input if place.side == "input" else on_output
    if not place.path:
        return [on_side(layer, see)]
    reading = _Unscaled(lm, layer, place) if place.norm else _Scaled(place.scale)
    shape: list[int] = []

    def note_shape(entering: Tensor) -> None:
        shape[:] = entering.shape[:-1]

    def see_part(tensor: Tensor) -> Tensor | None:
        if tensor.dim() == 3:
            return reading.show(tensor, see)
        # OPT and some mixtures of experts flatten batch and tokens
        changed = reading.show(tensor.view(*shape, -1), see)
        # what `see` made may have other rows than the layer was given
        return None if changed is None else changed.flatten(0, 1)

    part = layer.get_submodule(place.path)
    return [on_input(layer, note_shape), *reading.hooks, on_side(part, see_part)]


class _Scaled:
    """Activations that are a multiple of the model's tensor."""

    hooks: tuple[RemovableHandle, ...] = ()

    def __init__(self, scale: float) -> None:
        self._scale = scale

    def show(self, tensor: Tensor, see: See) -> Tensor | None:
        """What takes the place of `tensor` [batch, tokens, width], as what `see` returns takes that
        of the activations; where it returns what it was shown, `tensor` to the last bit."""
        if self._scale == 1:
            return see(tensor)
        shown = tensor * self._scale
        changed = see(shown)
        return None if changed is None else tensor + (changed - shown) / self._scale


class _Unscaled:
    """Activations that are what a norm makes of its input, without gain and bias."""

    def __init__(self, lm: LanguageModel, layer: nn.Module, place: Place) -> None:
        module = layer.get_submodule(place.norm)
        like = torch.empty(place.width, dtype=lm.dtype, device=lm.device)
        self._norm = measure_norm(module, like)
        self._normalised = self._normed = like
        self.hooks = (on_input(module, self._note_input), on_output(module, self._note_output))

    def _note_input(self, x: Tensor) -> None:
        self._normalised = self._norm.normalise(x)

    def _note_output(self, y: Tensor) -> None:
        self._normed = y

    def show(self, tensor: Tensor, see: See) -> Tensor | None:
        """The same for what the MLP is given, which other hooks may have changed on the way."""
        normalised, normed = (
            x if x.dim() == 3 else x.view(tensor.shape) for x in (self._normalised, self._normed)
        )
        since = self._norm.unscale(tensor.float() - normed.float())
        shown = (normalised + since).to(tensor.dtype)
        changed = see(shown)
        if changed is None:
            return None
        return (tensor + self._norm.scale(changed.float() - shown.float())).to(tensor.dtype)


def site_device(lm: LanguageModel, site: Site) -> torch.device:
    """Where the activations at `site` come to be. Raises UserError as `check_site`."""
    check_site(lm, site)
    entering, inside = lm.anatomy.devices[site.layer]
    return entering if site.kind == "resid_pre" else inside

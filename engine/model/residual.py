"""What a direction at a site is in the residual stream."""

from torch import Tensor

from engine.errors import UserError
from engine.model.load import LanguageModel
from engine.model.places import is_norm
from engine.model.site import Site

_CANT = "Promoted and suppressed tokens can't be had for this site."


def residual_directions(lm: LanguageModel, directions: Tensor, site: Site | None) -> Tensor:
    """What `directions` [n, width] at a site add to the residual stream: [n, d_model].

    Most sites are in it or are added to it as they are; attn_z goes through the output projection,
    without its bias. None: they are the residual stream's.
    Raises UserError for a site whose activations are added in no such way, and for another width.
    """
    if site is not None and site.kind == "attn_z":
        directions = _projected(lm, directions, site)
    elif site is not None and site.kind in ("mlp_in", "mlp_in_unscaled"):
        raise UserError(f"What is at {site} is not added to the residual stream.", _CANT)
    if directions.shape[-1] != lm.d_model:
        raise UserError(
            f"The directions are {directions.shape[-1]} wide, and the residual stream of"
            f" {lm.source} is {lm.d_model} wide.",
            _CANT,
        )
    return directions


def _projected(lm: LanguageModel, directions: Tensor, site: Site) -> Tensor:
    layer, places = lm.layers[site.layer], lm.anatomy.places[site.layer]
    added = places["attn_out"]
    if is_norm(layer.get_submodule(added.path)):
        raise UserError(f"What is at {site} reaches the residual stream through a norm.", _CANT)
    projection = layer.get_submodule(places["attn_z"].path)
    read = directions.to(lm.device, lm.dtype)
    projected: Tensor = projection(read).float() - projection(read.new_zeros(1, read.shape[1]))
    return projected.to(lm.device) * added.scale

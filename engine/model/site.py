"""Sites: places in a model where activations can be observed and edited. Torch-free.

The grammar is the same for every architecture, `<kind>.<layer>`:

    resid_pre.L         what enters layer L
    attn_z.L            what the output projection of layer L's attention reads: heads side by side
    attn_out.L          exactly what layer L's attention adds to the residual stream
    mlp_in_unscaled.L   mlp_in.L before the norm's gain and bias: x / rms, of a layer norm centred
    mlp_in.L            what layer L's MLP is given
    mlp_out.L           exactly what layer L's MLP adds to the residual stream
    resid_post.L        what leaves layer L

so that resid_pre + attn_out + mlp_out = resid_post, whatever norms and multipliers lie between. An
edit of attn_z, mlp_in or mlp_in_unscaled changes what that module alone is given.

In a mixture of experts mlp_out is the sum of the experts as the router weights them, with the
shared experts. Gemma 4 multiplies that sum by a number of each layer before it leaves the layer,
and its models with embeddings of each layer ("E2B") add a third part first.
"""

import re
from typing import Literal, get_args

import msgspec

from engine.errors import UserError

SiteKind = Literal[
    "resid_pre", "attn_z", "attn_out", "mlp_in_unscaled", "mlp_in", "mlp_out", "resid_post"
]

KINDS: tuple[SiteKind, ...] = get_args(SiteKind)
"""In the order in which they are computed."""

_SITE = re.compile(rf"({'|'.join(KINDS)})\.([0-9]{{1,4}})")


class Site(msgspec.Struct, frozen=True, order=True):
    """One place in a model, the same at every token."""

    kind: SiteKind
    """What is read there; see the module's docstring."""
    layer: int
    """Counted from 0."""

    def __str__(self) -> str:
        return f"{self.kind}.{self.layer}"


class SiteInfo(msgspec.Struct, frozen=True):
    """A site of one model, described for a person."""

    site: str
    """As it is typed: `resid_post.13`."""
    module: str
    """The module whose input or output it is: `model.layers.13`."""
    width: int
    """The number of dimensions of an activation there: d_model, but for attn_z."""
    meaning: str
    """What is read there, in words."""


def parse_site(text: str) -> Site:
    """The site that `text` names. UserError if it names none."""
    match = _SITE.fullmatch(text.strip())
    if match is None:
        raise UserError(
            f"{text!r} names no place in a model.",
            f"Write a kind and a layer, such as resid_post.13; the kinds are {', '.join(KINDS)}.",
        )
    return msgspec.convert({"kind": match[1], "layer": int(match[2])}, Site)

"""Sites: places in a model where activations can be observed and edited. Torch-free.

The grammar is the same for every architecture, `<kind>.<layer>`:

    resid_pre.L    what enters layer L
    attn_out.L     exactly what layer L's attention adds to the residual stream
    mlp_out.L      exactly what layer L's MLP adds to the residual stream
    resid_post.L   what leaves layer L

so that resid_pre + attn_out + mlp_out = resid_post, whatever norms and multipliers lie between. In
a mixture of experts mlp_out is the sum of the experts as the router weights them, with the shared
experts. Gemma 4 multiplies that sum by a number of each layer before it leaves the layer, and its
models with embeddings of each layer ("E2B") add a third part first.
"""

import re
from typing import Literal, get_args

import msgspec

from engine.errors import UserError

SiteKind = Literal["resid_pre", "resid_post", "attn_out", "mlp_out"]

KINDS: tuple[SiteKind, ...] = get_args(SiteKind)

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
    """The number of dimensions of an activation there, d_model."""
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

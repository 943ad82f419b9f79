"""Places in a model as the libraries spell them, and as `engine.model.site` does. Torch-free."""

import re

from engine.model.site import Site, SiteKind, parse_site

_SPELLINGS: tuple[tuple[str, SiteKind | None], ...] = (
    # TransformerLens's
    (r"blocks\.(?P<layer>\d{1,4})\.hook_(?P<kind>resid_pre|resid_post|attn_out|mlp_out)", None),
    # what a module of transformers gives out: a layer, or a norm that only Gemma has there
    (r"(\w+\.)*(layers|h|blocks)\.(?P<layer>\d{1,4})(\.output)?", "resid_post"),
    (r"(\w+\.)*layers\.(?P<layer>\d{1,4})\.post_feedforward_layernorm\.output", "mlp_out"),
    # dictionary_learning's
    (r"(?P<kind>resid_pre|resid_post|attn_out|mlp_out)_layer_(?P<layer>\d{1,4})", None),
)


def site_of(hook: object) -> str:
    """The site that a library's name for a place means; empty for one that we have no site for.

    The output of an MLP or attention module is none: some models norm it before it is added.
    """
    for spelling, kind in _SPELLINGS:
        if isinstance(hook, str) and (found := re.fullmatch(spelling, hook)):
            parts = found.groupdict()
            return f"{kind or parts['kind']}.{int(parts['layer'])}"
    return ""


def lens_hook(site: str) -> str:
    """A site in TransformerLens's spelling: `blocks.3.hook_resid_post`."""
    if not site:
        return ""
    parsed: Site = parse_site(site)
    return f"blocks.{parsed.layer}.hook_{parsed.kind}"

"""Places in a model as the libraries spell them, and as `engine.model.site` does. Torch-free."""

import re

from engine.model.site import Site, SiteKind, parse_site

_LENS: dict[SiteKind, str] = {
    "resid_pre": "hook_resid_pre",
    "attn_z": "attn.hook_z",
    "attn_out": "hook_attn_out",
    "mlp_in_unscaled": "ln2.hook_normalized",
    "mlp_in": "mlp.hook_in",
    "mlp_out": "hook_mlp_out",
    "resid_post": "hook_resid_post",
}
"""What TransformerLens calls a place, behind `blocks.L.`. Its `hook_mlp_in` is another one: what
enters the norm. Its `hook_z` is [heads, d_head], which SAELens flattens to what attn_z is."""

_LAYER = r"(\w+\.)*(layers|h|blocks)\.(?P<layer>\d{1,4})"
_SPELLINGS: tuple[tuple[str, SiteKind | None], ...] = (
    *((rf"blocks\.(?P<layer>\d{{1,4}})\.{re.escape(its)}", kind) for kind, its in _LENS.items()),
    # what a module of transformers is given or gives out; the norms are there in Gemma alone
    (rf"{_LAYER}(\.output)?", "resid_post"),
    (rf"{_LAYER}\.self_attn\.o_proj\.input", "attn_z"),
    (rf"{_LAYER}\.mlp\.input", "mlp_in"),
    (rf"{_LAYER}\.pre_feedforward_layernorm\.output", "mlp_in"),
    (rf"{_LAYER}\.post_feedforward_layernorm\.output", "mlp_out"),
    # dictionary_learning's
    (r"(?P<kind>resid_pre|resid_post|attn_out|mlp_out)_layer_(?P<layer>\d{1,4})", None),
)

_MODULE_OUTPUTS: tuple[tuple[str, SiteKind], ...] = (
    (r"blocks\.(?P<layer>\d{1,4})\.mlp\.hook_out", "mlp_out"),
    (rf"{_LAYER}\.mlp(\.output)?", "mlp_out"),
    (rf"{_LAYER}\.(self_attn|attn|attention)(\.output)?", "attn_out"),
)
"""What an MLP or attention module gives out."""

_ADDED_AS_THEY_ARE = re.compile(
    r"gpt-?2|gpt-neo|pythia|tinystories|llama|smollm|mistral|qwen|deepseek-r1-distill",
    re.IGNORECASE,
)
"""Models, by their names, that add to the residual stream what their modules give out. Others, as
Gemma and OLMo 2, norm it first."""


def site_of(hook: object, model: str = "") -> str:
    """The site that a library's name for a place means; empty for one that we have no site for.

    What an MLP or attention module gives out is one where the `model` is known to add it to the
    residual stream as it is: some norm it first.
    """
    known = _ADDED_AS_THEY_ARE.search(model) is not None
    for spelling, kind in _SPELLINGS + (_MODULE_OUTPUTS if known else ()):
        if isinstance(hook, str) and (found := re.fullmatch(spelling, hook)):
            parts = found.groupdict()
            return f"{kind or parts['kind']}.{int(parts['layer'])}"
    return ""


def input_site_of(module: object) -> str:
    """The site of what an MLP module is given, by the module's name; empty for anything else."""
    if isinstance(module, str) and (found := re.fullmatch(rf"{_LAYER}\.mlp", module)):
        return f"mlp_in.{int(found['layer'])}"
    return ""


def lens_hook(site: str) -> str:
    """A site in TransformerLens's spelling, such as `blocks.3.hook_resid_post`."""
    if not site:
        return ""
    parsed: Site = parse_site(site)
    return f"blocks.{parsed.layer}.{_LENS[parsed.kind]}"

"""`cfg.json` as SAELens 2 to 5 wrote it, turned into that of SAELens 6. Torch-free.

What 6 has in `metadata` stood beside the rest: `model_name`, `hook_name` (once `hook_point`),
`context_size`, and so on. There was no `architecture` before 3.5, where all were what is called
standard now; a topk was a standard one whose `activation_fn_str` (once `activation_fn`) is topk,
with k in `activation_fn_kwargs`. `normalize_activations` was false or true for a while, and what
reads `hook_z` was reshaped without being told.

With `finetuning_scaling_factor` the weights hold a tensor of that name [d_sae] (once
`scaling_factor`), by which acts are multiplied when they are decoded; acts themselves are without
it. Some files hold one of nothing but ones that isn't to be used.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from engine.sae.formats.tensors import Tensors

SCALES = ("finetuning_scaling_factor", "scaling_factor")
"""Tensors of that factor: its name, and its name before."""

_RENAMED = {
    "hook_point": "hook_name",
    "hook_point_head_index": "hook_head_index",
    "hook_point_layer": "hook_layer",
    "activation_fn": "activation_fn_str",
}
_FORMULA = (
    "architecture",
    "d_in",
    "d_sae",
    "k",
    "apply_b_dec_to_input",
    "normalize_activations",
    "reshape_activations",
    "rescale_acts_by_decoder_norm",
    "finetuning_scaling_factor",
)
"""What says how it computes; the rest, but for the next, becomes `metadata`."""
_GONE = ("dtype", "device", "activation_fn_str", "activation_fn_kwargs")
_NORMALISED = {False: "none", True: "expected_average_only_in", None: "none"}


def is_before_6(content: Mapping[str, Any]) -> bool:
    """Whether a `cfg.json` has the fields of SAELens 6 where those before it had them.

    SAELens 2 told its version beside them; that of 6 stands in `metadata`.
    """
    version = re.match(r"\d+", str(content.get("sae_lens_version", "")))
    return "metadata" not in content and (version is None or int(version[0]) < 6)


def migrate(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """What SAELens 6 would write for it. UserError, telling the version, if it has none like it."""
    old = {_RENAMED.get(name, name): value for name, value in content.items()}
    version = old.get("sae_lens_training_version", old.get("sae_lens_version"))
    by = f"SAELens {version}" if isinstance(version, str) else "a SAELens before 6"
    architecture = old.get("architecture", "standard")
    activation = old.get("activation_fn_str", "topk" if architecture == "topk" else "relu")
    settings = old.get("activation_fn_kwargs") or {}
    known = isinstance(settings, dict) and settings.keys() <= {"k"}
    if activation == "topk" and architecture in ("standard", "topk") and known:
        old |= {"architecture": "topk", "k": settings.get("k", old.get("k"))}
    elif activation == "relu" and architecture in ("standard", "gated", "jumprelu"):
        old |= {"architecture": architecture}
    else:
        raise UserError(
            f"{path}: {by} saved it as {architecture!r} with the activation {activation!r}"
            f" {settings or ''}, which can't be followed.",
            "Of theirs, standard, gated and jumprelu can be read with relu, and topk.",
        )
    normalised = old.get("normalize_activations")
    if normalised is None or isinstance(normalised, bool):
        old["normalize_activations"] = _NORMALISED[normalised]
    old["finetuning_scaling_factor"] = old.get("finetuning_scaling_factor") or False
    hook = old.get("hook_name")
    if isinstance(hook, str) and hook.endswith("_z"):
        old.setdefault("reshape_activations", "hook_z")
    formula = {name: old[name] for name in _FORMULA if name in old}
    about = {name: old[name] for name in old if name not in (*_FORMULA, *_GONE)}
    return formula | {"metadata": about}


def scale_of_decoded(tensors: "Tensors", d_sae: int, *, finetuned: bool) -> "Tensor | None":
    """[d_sae]: what acts are multiplied by when they are decoded; None: by nothing.

    Raises UserError for a factor that the configuration doesn't know of and that isn't 1.
    """
    for name in SCALES:
        if name in tensors.found:
            factor = tensors.weights(name, (d_sae,))
            if finetuned:
                return factor
            if not (factor == 1).all():
                raise UserError(
                    f"{tensors.path} holds a {name}, and in its configuration"
                    " finetuning_scaling_factor is false.",
                    "Set it to true if the factor is to be used, or take the tensor out.",
                )
    return None

"""What captures of prompts and of text have in common."""

from collections.abc import Mapping, Sequence

import msgspec
from torch import Tensor

from engine.activations.store.manifest import Manifest
from engine.activations.store.writer import ActivationWriter
from engine.activations.windows import Window, padded
from engine.model.load import LanguageModel
from engine.model.locate import site_width
from engine.model.observe import observe
from engine.model.site import Site

CPU_PASS_TOKENS, GPU_PASS_TOKENS = 2048, 8192
"""Tokens of a forward pass. On a CPU, SmolLM2-135M read 1.2 times as fast in passes of 2,048 as in
passes of 8,192 (tried by hand; no benchmark repeats it)."""

Writers = Mapping[Site, ActivationWriter]


def tokens_of_pass(lm: LanguageModel) -> int:
    """How many tokens a forward pass is given at most, where the model is."""
    return CPU_PASS_TOKENS if lm.device.type == "cpu" else GPU_PASS_TOKENS


def observe_windows(
    lm: LanguageModel, windows: Sequence[Window], sites: Sequence[Site]
) -> dict[Site, Tensor]:
    """The activations [windows, longest, width] of one forward pass, on the model's device."""
    ids, _ = padded(windows)
    # Padding is on the right, so no mask is needed; without one, attention is faster.
    return observe(lm, ids, sites)


def manifest_of(
    lm: LanguageModel,
    *,
    origin: str,
    context: int | None,
    dtype: str,
    chat_template: str = "",
    special_token_ids: Sequence[int] = (),
) -> Manifest:
    """What the manifests of all sites say alike."""
    return Manifest(
        model=lm.source,
        revision=lm.revision,
        site="",
        d_model=lm.d_model,
        dtype=dtype,
        model_dtype=lm.dtype_name,
        quantisation=lm.quantisation,
        tokenizer=lm.source,
        bos_token_id=lm.tokenizer.bos_token_id,
        prefix_token_ids=lm.prefix_ids,
        special_token_ids=list(special_token_ids),
        chat_template=chat_template,
        origin=origin,
        context=context,
    )


def manifest_at(lm: LanguageModel, about: Manifest, site: Site) -> Manifest:
    """What the manifest of one site says, from what all say alike. UserError as `check_site`."""
    return msgspec.structs.replace(about, site=str(site), d_model=site_width(lm, site))

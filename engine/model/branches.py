"""What a layer adds to the residual stream: its attention's part and its MLP's part.

No architecture is known by its name. Sub-modules with conventional names are candidates, and those
are taken whose outputs are what the layer in fact added to its input in a forward pass.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn

ATTENTION = (
    "self_attn",
    "self_attention",
    "attention",
    "attn",
    # what stands in attention's place in some layers of hybrid models
    "linear_attn",
    "mamba",
    "conv",
    "temporal_block",
    # norms after attention: Gemma 2 to 4, OLMo 2 and 3, EXAONE 4; GLM-4; HyperCLOVA X; LFM 3
    "post_attention_layernorm",
    "post_self_attn_layernorm",
    "post_norm1",
    "post_operator_norm",
    # the output projection, where the attention module itself adds the residual: Bloom
    "self_attention.dense",
)
"""Where the tensor that attention adds may be read, inside a layer; tried in this order."""

MLP = (
    "mlp",
    "feed_forward",
    "block_sparse_moe",
    "mlp_block",
    "ffn",
    "moe",
    # norms after the MLP, in the models named above
    "post_feedforward_layernorm",
    "post_mlp_layernorm",
    "post_norm2",
    "post_ffn_norm",
    # the output projection, where the MLP module itself adds the residual: Bloom; MPT
    "mlp.dense_4h_to_h",
    "ffn.down_proj",
    # no MLP module at all, only its two linear maps: OPT
    "fc2",
)
"""Where the tensor that the MLP adds may be read, inside a layer; tried in this order."""

MULTIPLIERS = ("residual_multiplier", "residual_scale")
"""Attributes of a layer by which it multiplies what it adds: Granite; MiniCPM 3."""

THIRD_PARTS = ("post_per_layer_input_norm",)
"""What some layers add behind their MLP, to no site: Gemma 4's embeddings of each layer."""

LAYER_MULTIPLIER = "layer_scalar"
"""Attribute of a layer by which it multiplies all that leaves it: Gemma 4."""


@dataclass(frozen=True)
class Branch:
    """A sub-module whose output, times `scale`, its layer adds to the residual stream."""

    path: str
    """Inside the layer, such as `self_attn`."""
    scale: float


@dataclass(frozen=True)
class Branches:
    """What one layer adds. None where it has no such part, or adds something else besides."""

    attention: Branch | None
    mlp: Branch | None


def candidates(layer: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The sub-modules of `layer` that the tables name."""
    inside = dict(layer.named_modules())
    return ((name, inside[name]) for name in (*ATTENTION, *MLP, *THIRD_PARTS) if name in inside)


def find_branches(
    layer: nn.Module, entered: Tensor, left: Tensor, outputs: Mapping[str, Tensor]
) -> Branches:
    """The pair of candidates that accounts best for what `layer` did in one forward pass, the first
    of several that do so equally well.

    `entered`, `left`: [batch, tokens, d_model], its input and output; `outputs`: by name, what its
    candidates returned, in the same shape or flattened over batch and tokens.
    """
    scale = next((float(getattr(layer, name)) for name in MULTIPLIERS if hasattr(layer, name)), 1.0)
    third = [outputs[name] for name in THIRD_PARTS if name in outputs]
    whole = float(getattr(layer, LAYER_MULTIPLIER, 1.0))
    best, least = Branches(None, None), float("inf")
    for attention, mlp in product(ATTENTION, MLP):
        if attention not in outputs or mlp not in outputs:
            continue
        parts = [scale * outputs[attention], scale * outputs[mlp], *third]
        if _adds_up(entered, parts, whole, left):
            misfit = _misfit(entered, parts, whole, left)
            if misfit < least:
                best = Branches(Branch(attention, scale), Branch(mlp, scale))
                least = misfit
    return best


def _misfit(entered: Tensor, parts: list[Tensor], whole: float, left: Tensor) -> float:
    """How far (entered + parts) · whole, rounded as a layer rounds that adds them one by one, is
    from left.

    In bfloat16 a norm's input and its output may both be so small beside the residual stream that
    either of them adds up: what the layer did really add gives 0, and the other one doesn't.
    """
    attention, mlp, *third = (part.view(left.shape).to(left.dtype) for part in parts)
    orders = (entered + attention + mlp, attention + mlp + entered, mlp + entered + attention)
    sums = (sum(third, order) * whole for order in orders)
    return min((each.double() - left.double()).abs().sum().item() for each in sums)


def _adds_up(entered: Tensor, parts: list[Tensor], whole: float, left: Tensor) -> bool:
    """Whether (entered + parts) · whole = left at every element, up to the rounding of the model's
    dtype."""
    if any(part.numel() != left.numel() for part in parts):
        return False
    terms = torch.stack([entered, *(part.view(left.shape) for part in parts)]).double() * whole
    error = (terms.sum(0) - left.double()).abs()
    size = terms.abs().sum(0) + left.abs()
    return bool((error <= 2 * torch.finfo(left.dtype).eps * size).all())

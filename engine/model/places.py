"""Where the activations of a layer are: tensors that enter or leave its sub-modules."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from engine.model.branches import MLP, Branch, Branches, candidates
from engine.model.norms import measure_norm
from engine.model.site import SiteKind


@dataclass(frozen=True)
class Place:
    """A tensor of one layer, and what an activation there is of it."""

    path: str
    """Of the sub-module, inside the layer; empty: the layer itself."""
    side: Literal["input", "output"]
    """Whether it is what the sub-module is called on, or what it returns."""
    width: int
    scale: float = 1.0
    """The activation is so many times the tensor."""
    norm: str = ""
    """Path of the norm whose output the tensor is, if the activation is that without the norm's
    gain and bias."""


Places = Mapping[SiteKind, Place]
"""Of one layer, what it has."""


@dataclass
class LayerTrace:
    """What one forward pass showed of a layer: tensors [batch, tokens, width], or flattened over
    batch and tokens."""

    entered: list[Tensor] = field(default_factory=list)
    left: list[Tensor] = field(default_factory=list)
    inputs: dict[str, Tensor] = field(default_factory=dict)
    """By the path of a sub-module, what it was called on."""
    outputs: dict[str, Tensor] = field(default_factory=dict)


def watched(layer: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The sub-modules of `layer` that places are looked for at: the candidates for what it adds,
    norms and linear maps."""
    known = {name for name, _ in candidates(layer)}
    for name, module in layer.named_modules():
        if name in known or is_norm(module) or _is_linear(module):
            yield name, module


def find_places(layer: nn.Module, trace: LayerTrace, branches: Branches) -> Places:
    """The places of a layer whose parts are known, by what it did in one forward pass."""
    (entered,) = trace.entered
    d_model = entered.shape[-1]
    places: dict[SiteKind, Place] = {
        "resid_pre": Place("", "input", d_model),
        "resid_post": Place("", "output", d_model),
    }
    if branches.attention is not None:
        places["attn_out"] = _written(branches.attention, d_model)
        if projection := _output_projection(layer, trace, branches.attention):
            width = trace.inputs[projection].shape[-1]
            places["attn_z"] = Place(projection, "input", width)
    if branches.mlp is not None:
        places["mlp_out"] = _written(branches.mlp, d_model)
        if begins := _beginning_of_mlp(layer, trace, branches.mlp):
            places["mlp_in"] = Place(begins, "input", d_model)
            if norm := _norm_before(layer, trace, trace.inputs[begins]):
                places["mlp_in_unscaled"] = Place(begins, "input", d_model, norm=norm)
    return places


def _written(branch: Branch, d_model: int) -> Place:
    return Place(branch.path, "output", d_model, branch.scale)


def _output_projection(layer: nn.Module, trace: LayerTrace, attention: Branch) -> str:
    """The linear map that attention ends in; empty if it ends in something else."""
    normed = is_norm(layer.get_submodule(attention.path))
    said = (trace.inputs if normed else trace.outputs)[attention.path]
    return next((name for name in _giving(layer, trace, said, _is_linear)), "")


def _beginning_of_mlp(layer: nn.Module, trace: LayerTrace, mlp: Branch) -> str:
    """The module whose input the MLP is given; empty if that can't be told."""
    (entered,) = trace.entered
    begins = mlp.path
    if mlp.path == "fc2":  # no MLP module at all: OPT
        begins = "fc1"
    elif "." in mlp.path:  # a map inside the module: Bloom and MPT
        begins = mlp.path.split(".")[0]
    elif is_norm(layer.get_submodule(mlp.path)):  # a norm behind the module: Gemma
        normed = trace.inputs[mlp.path]
        behind = (name for name in MLP if name in trace.outputs and name != mlp.path)
        begins = next((name for name in behind if _same(trace.outputs[name], normed)), "")
    given = trace.inputs.get(begins)
    return begins if given is not None and given.numel() == entered.numel() else ""


def _norm_before(layer: nn.Module, trace: LayerTrace, given: Tensor) -> str:
    """The norm whose output `given` is, if it is gain times a normalised vector plus bias."""
    for name in _giving(layer, trace, given, is_norm):
        norm = measure_norm(layer.get_submodule(name), trace.entered[0])
        expected = norm(trace.inputs[name])
        error = (expected - trace.outputs[name].float()).abs()
        largest = expected.abs().amax(-1, keepdim=True)
        if bool((error <= _ROUNDINGS * torch.finfo(given.dtype).eps * largest).all()):
            return name
    return ""


_ROUNDINGS = 8
"""What a norm may differ by from its formula, in roundings of its largest number."""


def _giving(
    layer: nn.Module, trace: LayerTrace, tensor: Tensor, kind: Callable[[nn.Module], bool]
) -> Iterator[str]:
    """The paths of the modules of a `kind` that gave out `tensor`."""
    for name, module in layer.named_modules():
        known = name in trace.inputs and name in trace.outputs
        if known and kind(module) and _same(trace.outputs[name], tensor):
            yield name


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same numbers, flattened or not."""
    return one.numel() == other.numel() and torch.equal(one.flatten(), other.flatten())


def is_norm(module: nn.Module) -> bool:
    return "norm" in type(module).__name__.lower()


def _is_linear(module: nn.Module) -> bool:
    """Whether a module is one matrix, of PyTorch's or of GPT-2's kind."""
    weight = getattr(module, "weight", None)
    return isinstance(weight, Tensor) and weight.dim() == 2 and not any(module.children())

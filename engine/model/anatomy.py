"""Where a model's layers are, found by running it once on a handful of tokens."""

import itertools
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import UserError
from engine.model.branches import find_branches
from engine.model.device_map import input_device
from engine.model.hooks import entering, on_input, on_output
from engine.model.places import LayerTrace, Places, find_places, is_norm, watched

_TOKENS = ((3, 4, 5), (3, 4, 6))
"""Two rows that differ in their last token only. The first ids are often special tokens."""
_ENDS = (6, 3, 7)
"""Other last tokens of the first row."""


@dataclass(frozen=True)
class Anatomy:
    """What `examine` found in a model."""

    path: str
    """Of the list of layers, such as `model.layers`."""
    layers: nn.ModuleList
    places: tuple[Places, ...]
    """By layer, where its activations are."""
    devices: tuple[tuple[torch.device, torch.device], ...]
    """By layer, where the residual stream is that enters it, and what comes to be in it."""
    final_norm: nn.Module | None
    """What the last layer's output passes through before the unembedding."""
    d_model: int
    vocab_size: int
    """The number of logits per token; the tokenizer may know fewer tokens."""


class _Trace:
    """What one forward pass showed: tensors by layer, and which modules ran after the layers."""

    def __init__(self, layers: nn.ModuleList) -> None:
        self.of_layers = [LayerTrace() for _ in layers]
        self.last: list[nn.Module] = []
        self.vocab_size = 0


def examine(model: nn.Module) -> Anatomy:
    """Find a model's layers, and where in each of them its activations are.

    Raises UserError for a model whose hidden states are no residual stream that its layers read
    and write in turn, and for one that looks at later tokens.
    """
    path, layers = _find_layers(model)
    trace = _run(model, path, layers)
    _check_stream(trace, type(model).__name__)
    _check_causality(model, layers)
    return Anatomy(
        path=path,
        layers=layers,
        devices=tuple((layer.entered[0].device, layer.left[0].device) for layer in trace.of_layers),
        places=tuple(map(_places, layers, trace.of_layers)),
        final_norm=next(filter(is_norm, trace.last), None),
        d_model=trace.of_layers[-1].left[0].shape[-1],
        vocab_size=trace.vocab_size,
    )


def _places(layer: nn.Module, trace: LayerTrace) -> Places:
    (entered,), (left,) = trace.entered, trace.left
    entered = entered.to(left.device)  # of a model that is spread over several devices
    trace.entered = [entered]
    return find_places(layer, trace, find_branches(layer, entered, left, trace.outputs))


def _find_layers(model: Any) -> tuple[str, nn.ModuleList]:
    """The path and the modules of the list with the most parameters in the model's decoder."""
    for root in (model.get_decoder(), model):
        lists = [m for m in root.modules() if isinstance(m, nn.ModuleList)]
        if lists:
            largest = max(lists, key=lambda m: sum(p.numel() for p in m.parameters()))
            return next(name for name, m in model.named_modules() if m is largest), largest
    raise UserError(f"{type(model).__name__} has no list of layers to look into.")


def _run(model: nn.Module, path: str, layers: nn.ModuleList) -> _Trace:
    """Run `model` once and keep what enters and leaves its layers and their parts."""
    trace = _Trace(layers)

    def into(seen: list[Tensor]) -> Callable[[Tensor], None]:
        return lambda x: seen.append(x.clone())

    def under(seen: dict[str, Tensor], name: str) -> Callable[[Tensor], None]:
        return lambda x: seen.__setitem__(name, x.clone())

    def note(module: nn.Module) -> Callable[[Tensor], None]:
        return lambda _: trace.last.append(module) if trace.of_layers[-1].left else None

    def keep_input(seen: dict[str, Tensor], name: str) -> Callable[..., None]:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            x = entering(args, kwargs)
            if isinstance(x, Tensor):
                seen[name] = x.clone()

        return hook

    with ExitStack() as hooks, torch.no_grad():
        for layer, of_layer in zip(layers, trace.of_layers, strict=True):
            hooks.callback(on_input(layer, into(of_layer.entered)).remove)
            hooks.callback(on_output(layer, into(of_layer.left)).remove)
            for name, part in watched(layer):
                keep = keep_input(of_layer.inputs, name)
                hooks.callback(part.register_forward_pre_hook(keep, with_kwargs=True).remove)
                hooks.callback(on_output(part, under(of_layer.outputs, name)).remove)
        for module in model.get_submodule(path.rpartition(".")[0]).children():
            hooks.callback(on_output(module, note(module)).remove)
        trace.vocab_size = _logits(model, _TOKENS).shape[-1]
    return trace


def _check_stream(trace: _Trace, name: str) -> None:
    """Raise UserError, which says why, for layers that don't each run once, on [batch, tokens,
    d_model], on what the layer before them left."""
    if reason := _why_no_stream(trace):
        raise UserError(
            f"{name} has no single residual stream that its layers read and write in turn: "
            f"{reason}.",
            "There are no places to name in such a model; choose another.",
        )


def _why_no_stream(trace: _Trace) -> str:
    """Why the tensors between the layers are no single residual stream; empty if they are one."""
    runs = [run for layer in trace.of_layers for run in (layer.entered, layer.left)]
    if any(len(run) != 1 for run in runs):
        return "not each of them runs once for each text"
    shape = runs[0][0].shape
    batch = (len(_TOKENS), len(_TOKENS[0]))
    streams = shape[2] if shape[:2] == batch else shape[0]
    if len(shape) == 4 and batch in (shape[:2], shape[1:3]):
        return f"{streams} streams, mixed anew by each layer, pass through them side by side"
    if shape[:-1] != batch or any(run[0].shape != shape for run in runs):
        return f"what passes between them is no vector for each token, but {list(shape)}"
    if not all(
        torch.allclose(one.left[0], other.entered[0], rtol=0, atol=0, equal_nan=True)
        for one, other in itertools.pairwise(trace.of_layers)
    ):
        return "what enters a layer is not what left the one before it"
    return ""


def _check_causality(model: nn.Module, layers: nn.ModuleList) -> None:
    """Raise UserError if what precedes a row's last token knows which that is."""
    if _earlier_depend_on_last(model, layers) or all(
        _earlier_differ(model, layers[-1], end) for end in _ENDS
    ):
        raise UserError(
            f"{type(model).__name__} looks at later tokens, so it is no causal language model.",
            "Choose a model that predicts each token from those before it.",
        )


def _earlier_depend_on_last(model: nn.Module, layers: nn.ModuleList) -> bool:
    """Whether what leaves the last layer at earlier tokens has a gradient at the last token.

    A causal model's is 0 however it rounds, and whichever experts its tokens share. In one that
    looks ahead it may be small beside the gradient at the earlier tokens, as the residual stream is
    the shorter way. False, too, where a model can't be differentiated.
    """
    entered: list[Tensor] = []
    left: list[Tensor] = []

    def start_here(x: Tensor) -> Tensor:
        entered.append(x.detach().requires_grad_())
        return entered[0].clone()  # some models add to it in place, which a leaf doesn't take

    with on_input(layers[0], start_here), on_output(layers[-1], left.append), torch.enable_grad():
        try:
            _logits(model, _TOKENS)
            earlier = left[0][:, :-1].float()
            weights = torch.linspace(-1, 1, earlier.numel(), device=earlier.device)
            (gradient,) = torch.autograd.grad(earlier.flatten() @ weights, entered[0])
        except RuntimeError:
            return False
    size = gradient.abs().amax((0, 2)).double()
    return bool(size[-1] > torch.finfo(torch.float32).eps * size[:-1].max())


def _earlier_differ(model: nn.Module, last_layer: nn.Module, end: int) -> bool:
    """Whether what leaves the last layer at the first row's earlier tokens differs with its `end`.

    It may differ by a rounding, which every layer enlarges: in a mixture of experts, tokens that
    share an expert share a matrix product. Once in a while, a rounding chooses another expert.
    """
    seen: list[Tensor] = []
    first, *others = _TOKENS
    with on_output(last_layer, lambda x: seen.append(x.clone())), torch.no_grad():
        for rows in (_TOKENS, ((*first[:-1], end), *others)):
            _logits(model, rows)
    one, other = (x[0, :-1].double() for x in seen)
    return bool((one - other).abs().max() > torch.finfo(seen[0].dtype).eps ** 0.5 * one.abs().max())


def _logits(model: nn.Module, tokens: tuple[tuple[int, ...], ...]) -> Tensor:
    device = input_device(model)
    logits: Tensor = model(input_ids=torch.tensor(tokens, device=device), use_cache=False).logits
    return logits

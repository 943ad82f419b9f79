"""Watching and changing the tensor that enters or leaves a module, whatever shape its call has."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

See = Callable[[Tensor], Tensor | None]
"""Gets a tensor as it passes; what it returns takes the tensor's place, None leaves it."""


def entering(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a module is called on: its first argument, or the one of that meaning; None if it has
    neither."""
    return args[0] if args else kwargs.get("hidden_states")


def on_input(module: nn.Module, see: See) -> RemovableHandle:
    """Show `see` the hidden states on which `module` is called, before it runs."""

    def hook(
        _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        changed = see(entering(args, kwargs))
        if changed is None:
            return None
        if args:
            return (changed, *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": changed}

    return module.register_forward_pre_hook(hook, with_kwargs=True)


def on_output(module: nn.Module, see: See) -> RemovableHandle:
    """Show `see` the tensor that `module` returns, or the first one of several."""

    def hook(_: nn.Module, __: Any, output: Any) -> Any:
        if isinstance(output, Tensor):
            return see(output)
        changed = see(output[0])
        if changed is None:
            return None
        kind = type(output)
        return getattr(kind, "_make", kind)((changed, *output[1:]))  # named tuples take no tuple

    return module.register_forward_hook(hook)

"""Being asked to stop in the middle of a forward pass, and not only between two of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from engine.model.load import LanguageModel


@contextmanager
def interruptible(lm: LanguageModel, tick: Callable[[], None]) -> Iterator[None]:
    """Within the block `tick` is called before every module of every layer that the model runs.

    So work that goes through the model hears of an interruption within a fraction of a layer, at
    every generated token and in every pass: what `tick` raises ends the pass and comes out of it.
    `tick` may also block. The model computes the same bits.
    """

    def before(*_: Any) -> None:
        tick()

    with ExitStack() as hooks:
        for module in lm.layers.modules():
            hooks.callback(module.register_forward_pre_hook(before).remove)
        yield

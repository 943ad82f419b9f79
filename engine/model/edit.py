"""Changing activations while the model runs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import UserError
from engine.model.load import LanguageModel
from engine.model.locate import show_site
from engine.model.site import Site

Edit = Callable[[Tensor, Tensor], Tensor]
"""Gets activations [batch, tokens, d_model] and the tokens' absolute positions [batch, tokens],
counted from 0 at the first token of each row's text and -1 on padding before it; returns what takes
the activations' place, in their shape, without changing them where they are. Any dtype and device;
it is brought back to the model's."""

Rewrite = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Gets the activations at one site, those at another of the same pass, [batch, tokens, width] each,
and positions as an `Edit` does; returns what takes the place of the latter."""

_CACHES = ("past_key_values", "cache", "cache_params")
"""What models and releases of transformers call the cache of a generation."""


@contextmanager
def editing(
    lm: LanguageModel, edits: Mapping[Site, Edit], *, padding: Tensor | None = None
) -> Iterator[None]:
    """Within the block, every forward pass of the model is edited at the given sites.

    That holds for whole texts, for the prompt of a generation and for each of its cached steps,
    where an edit gets one token with its true position. Inside another `editing`, this one is
    applied second at a site that both edit. No edits leave the model exactly as it is.
    `padding` [batch] says how many tokens fill up each row on the left; None: there are none.

    Raises UserError for a site that the model does not have.
    """
    clock = _Clock()

    def at_site(edit: Edit) -> Callable[[Tensor], Tensor]:
        def see(activations: Tensor) -> Tensor:
            batch, tokens, _ = activations.shape
            counted = torch.arange(tokens, device=activations.device) + clock.first_of(tokens)
            first = 0 if padding is None else padding.to(activations.device)[:, None]
            positions = (counted - first).clamp(min=-1).expand(batch, tokens)
            edited = edit(activations, positions)
            if edited.shape != activations.shape:
                raise ValueError(f"an edit made {edited.shape} of {activations.shape}")
            return edited.to(activations)

        return see

    with ExitStack() as hooks:
        for site, edit in edits.items():
            for handle in show_site(lm, site, at_site(edit)):
                hooks.callback(handle.remove)
        if edits:
            begin = lm.model.register_forward_pre_hook(clock.begin_pass, with_kwargs=True)
            hooks.callback(begin.remove)
        yield


def reading_edits(site: Site, target: Site, rewrite: Rewrite) -> dict[Site, Edit]:
    """The edits that read `site` and put at `target`, which comes later or is the same, what
    `rewrite` makes of both.

    A pass in which `target` comes first raises UserError.
    """
    if site == target:
        return {site: lambda x, positions: rewrite(x, x, positions)}
    read: list[Tensor] = []

    def keep(x: Tensor, _: Tensor) -> Tensor:
        read[:] = [x.clone()]  # some models add to it in place
        return x

    def write(y: Tensor, positions: Tensor) -> Tensor:
        if not read:
            raise UserError(f"{target} is computed before {site}, so it can't be made from it.")
        return rewrite(read.pop().to(y.device), y, positions)

    return {site: keep, target: write}


class _Clock:
    """Knows how many tokens, padding included, precede those of the pass that is running."""

    def __init__(self) -> None:
        self.start = 0
        self._end = 0
        self._cache: Any = None

    def first_of(self, tokens: int) -> int:
        """How many tokens precede those that a site sees, which are `tokens`.

        Gemma 4's last layers, which take keys and values of others ("E2B"), are given the last
        token of a prompt alone.
        """
        return max(self.start, self._end - tokens)

    def begin_pass(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Called before the model runs, with what it is called with."""
        ids = args[0] if args else kwargs["input_ids"]
        given = (kwargs[name] for name in _CACHES if kwargs.get(name) is not None)
        cache = next(given, None)
        self.start = self._past(cache)
        self._end = self.start + ids.shape[1]
        self._cache = cache

    def _past(self, cache: Any) -> int:
        """The number of tokens that `cache` has seen."""
        if cache is None:
            return 0
        try:
            return int(cache.get_seq_length())
        except ValueError:
            # a purely recurrent model's cache does not count: go on where its last pass ended
            return self._end if cache is self._cache else 0

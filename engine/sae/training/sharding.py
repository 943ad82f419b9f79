"""What each of several processes has of one autoencoder that is being trained: all of it, or its
own features. Alone, a process has it all and none of this changes anything.

A process holds the whole weights in the CPU's memory when a training begins, and when it ends.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.parallel import ALONE, Ranks


def share_out(sae: SparseAutoencoder, ranks: Ranks) -> SparseAutoencoder:
    """Leave this process its own features of an autoencoder that lies whole on the CPU."""
    sae.ranks = ranks
    if ranks.features.size > 1:
        _change_rows(sae, ranks.features.own_rows)
    return sae


def put_together(sae: SparseAutoencoder) -> SparseAutoencoder:
    """The reverse, for every process; on the CPU, where it was shared out."""
    if sae.ranks.features.size > 1:
        _change_rows(sae.to("cpu"), sae.ranks.features.all_rows)
    sae.ranks = ALONE
    return sae


@torch.no_grad()
def begin_alike(sae: SparseAutoencoder) -> None:
    """Take from the first process what all are to have alike."""
    for name, tensor in sae.state_dict().items():
        group = sae.ranks.all if name in sae.whole else sae.ranks.vectors
        tensor.copy_(group.as_first(tensor))


def sum_gradients(sae: SparseAutoencoder) -> None:
    """Of every process's share of a batch make that of the batch."""
    for name, parameter in sae.named_parameters():
        assert parameter.grad is not None
        sae.ranks.vectors.sum(parameter.grad)
        if name in sae.whole:
            sae.ranks.features.sum(parameter.grad)


def gradient_norm(sae: SparseAutoencoder) -> Tensor:
    """Of the gradients of all parameters together, every process's features among them."""
    gradients = {name: p.grad for name, p in sae.named_parameters() if p.grad is not None}
    if sae.ranks.features.size == 1:
        return get_total_norm(gradients.values())
    of_whole = get_total_norm([gradients[name] for name in gradients.keys() & sae.whole])
    of_own = get_total_norm([gradients[name] for name in gradients.keys() - sae.whole])
    return (of_whole.square() + sae.ranks.features.sum(of_own.square())).sqrt()


def whole_state(sae: SparseAutoencoder) -> dict[str, Tensor]:
    """The state dict of the whole autoencoder."""
    state = sae.state_dict()
    return {name: _all_rows(sae, name, tensor) for name, tensor in state.items()}


def own_state(sae: SparseAutoencoder, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """This process's share of what `whole_state` gave."""
    return {name: _own_rows(sae, name, tensor) for name, tensor in state.items()}


def whole_moments(sae: SparseAutoencoder, state: dict[str, Any]) -> dict[str, Any]:
    """The state of an optimiser of sae's parameters, as if they were whole."""
    return _moments(sae, state, _all_rows)


def own_moments(sae: SparseAutoencoder, state: dict[str, Any]) -> dict[str, Any]:
    """This process's share of what `whole_moments` gave."""
    return _moments(sae, state, _own_rows)


def whole_numbers(sae: SparseAutoencoder, features: Tensor) -> Tensor:
    """Everybody's features, by their numbers in the whole autoencoder; `features` are one's own."""
    first = sae.ranks.features.rank * sae.features
    return torch.cat(sae.ranks.features.gathered_lists(features + first))


def own_numbers(sae: SparseAutoencoder, features: Tensor) -> Tensor:
    """The reverse: those of `features` that this process has, by their numbers here."""
    features = features - sae.ranks.features.rank * sae.features
    return features[(features >= 0) & (features < sae.features)]


def _moments(sae: SparseAutoencoder, state: dict[str, Any], changed: Any) -> dict[str, Any]:
    names = [name for name, _ in sae.named_parameters()]
    moments = {
        number: {
            kind: changed(sae, names[number], value) if value.dim() else value
            for kind, value in its.items()
        }
        for number, its in state["state"].items()
    }
    return {**state, "state": moments}


def _all_rows(sae: SparseAutoencoder, name: str, tensor: Tensor) -> Tensor:
    return tensor if name in sae.whole else sae.ranks.features.all_rows(tensor)


def _own_rows(sae: SparseAutoencoder, name: str, tensor: Tensor) -> Tensor:
    return tensor if name in sae.whole else sae.ranks.features.own_rows(tensor)


def _change_rows(sae: SparseAutoencoder, changed: Any) -> None:
    for name, tensor in [*sae.named_parameters(), *sae.named_buffers()]:
        if name not in sae.whole:
            tensor.data = changed(tensor.data)

"""What each of several processes has of an autoencoder that they train: all, or a shard of it, its
own features. Alone, a process has it all and none of this changes anything.

"Full" is what one process would have, "local" what this one has. A process holds the full weights
in the CPU's memory when a training begins, and when it ends.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.parallel import ALONE, Ranks


def shard(sae: SparseAutoencoder, ranks: Ranks) -> SparseAutoencoder:
    """Leave this process its own features of an autoencoder that is full and on the CPU."""
    sae.ranks = ranks
    if ranks.tensor_parallel.size > 1:
        _replace_rows(sae, ranks.tensor_parallel.local_rows)
    return sae


def unshard(sae: SparseAutoencoder) -> SparseAutoencoder:
    """Give every process all features again, on the CPU if it was sharded."""
    if sae.ranks.tensor_parallel.size > 1:
        _replace_rows(sae.to("cpu"), sae.ranks.tensor_parallel.full_rows)
    sae.ranks = ALONE
    return sae


@torch.no_grad()
def broadcast_state(sae: SparseAutoencoder) -> None:
    """Take from the first process what all are to have alike."""
    for name, tensor in sae.state_dict().items():
        group = sae.ranks.world if name in sae.replicated else sae.ranks.data_parallel
        tensor.copy_(group.broadcast_tensor(tensor))


def all_reduce_gradients(sae: SparseAutoencoder) -> None:
    """Make of the gradients of every process's part of a batch those of the batch."""
    for name, parameter in sae.named_parameters():
        assert parameter.grad is not None
        sae.ranks.data_parallel.all_reduce(parameter.grad)
        if name in sae.replicated:
            sae.ranks.tensor_parallel.all_reduce(parameter.grad)


def gradient_norm(sae: SparseAutoencoder, squared_norms: Sequence[Tensor]) -> Tensor:
    """The length of the gradients of all parameters together, of all processes' features, from
    Σ grad² of each of this process's parameters, in order: scalars."""
    replicated = local = squared_norms[0].new_zeros(())
    for (name, _), square in zip(sae.named_parameters(), squared_norms, strict=True):
        if name in sae.replicated:
            replicated = replicated + square
        else:
            local = local + square
    return (replicated + sae.ranks.tensor_parallel.all_reduce(local)).sqrt()


def full_state(sae: SparseAutoencoder) -> dict[str, Tensor]:
    """The state dictionary of the full autoencoder."""
    state = sae.state_dict()
    return {name: _full_rows(sae, name, tensor) for name, tensor in state.items()}


def local_state(sae: SparseAutoencoder, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """This process's part of a full state dictionary."""
    return {name: _local_rows(sae, name, tensor) for name, tensor in state.items()}


def full_moments(sae: SparseAutoencoder, state: dict[str, Any]) -> dict[str, Any]:
    """The state of an optimiser of the full autoencoder's parameters, from the local one's."""
    return _map_moments(sae, state, _full_rows)


def local_moments(sae: SparseAutoencoder, state: dict[str, Any]) -> dict[str, Any]:
    """This process's part of the state of an optimiser of the full autoencoder's parameters."""
    return _map_moments(sae, state, _local_rows)


def full_indices(sae: SparseAutoencoder, features: Tensor) -> Tensor:
    """All processes' features [any] int64 by their indices in the full autoencoder; `features` are
    this process's, by their local indices."""
    first = sae.ranks.tensor_parallel.rank * sae.features
    return torch.cat(sae.ranks.tensor_parallel.all_gather_ragged(features + first))


def local_indices(sae: SparseAutoencoder, features: Tensor) -> Tensor:
    """Those of `features` [any] int64, indices in the full autoencoder, that this process has, by
    their local indices."""
    features = features - sae.ranks.tensor_parallel.rank * sae.features
    return features[(features >= 0) & (features < sae.features)]


_Change = Callable[[SparseAutoencoder, str, Tensor], Tensor]


def _map_moments(sae: SparseAutoencoder, state: dict[str, Any], change: _Change) -> dict[str, Any]:
    names = [name for name, _ in sae.named_parameters()]
    moments = {
        number: {
            kind: change(sae, names[number], value) if value.dim() else value
            for kind, value in its.items()
        }
        for number, its in state["state"].items()
    }
    return {**state, "state": moments}


def _full_rows(sae: SparseAutoencoder, name: str, tensor: Tensor) -> Tensor:
    return tensor if name in sae.replicated else sae.ranks.tensor_parallel.full_rows(tensor)


def _local_rows(sae: SparseAutoencoder, name: str, tensor: Tensor) -> Tensor:
    return tensor if name in sae.replicated else sae.ranks.tensor_parallel.local_rows(tensor)


def _replace_rows(sae: SparseAutoencoder, change: Callable[[Tensor], Tensor]) -> None:
    for name, tensor in [*sae.named_parameters(), *sae.named_buffers()]:
        if name not in sae.replicated:
            tensor.data = change(tensor.data)

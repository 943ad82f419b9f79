"""The processes that train one autoencoder together, as torch.distributed joins them.

Usually there is one, and then everything here is what it is without. Several stand in a grid: the
ones in a column share out the vectors of every batch and have the same features ("data parallel"),
the ones in a row share out the features and have the same vectors.

What a step sums, and over whom:

| a sum over | is completed over |
|---|---|
| vectors: gradients, squared errors, in how many vectors a feature fires | `Ranks.vectors` |
| features of a vector: what is decoded | `Ranks.features` |
| acts: how many there are, which are the largest | `Ranks.all` |
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch import distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor


class Group:
    """Processes that share something out; without a mesh, this process alone."""

    def __init__(self, mesh: DeviceMesh | None = None) -> None:
        """`mesh` has one dimension, and more than one process; it is of the CPU."""
        self._mesh = mesh
        self.size = 1 if mesh is None else mesh.size()
        self.rank = 0 if mesh is None else mesh.get_local_rank()

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum of everybody's tensors, in place."""
        if self._mesh is not None:
            dist.all_reduce(tensor, group=self._mesh.get_group())
        return tensor

    def total(self, count: int) -> int:
        """The sum of everybody's counts."""
        return count if self._mesh is None else int(self.sum(torch.tensor(int(count))))

    def gathered(self, tensor: Tensor) -> list[Tensor]:
        """Everybody's tensors, in the order of their ranks; all of one shape."""
        if self._mesh is None:
            return [tensor]
        everybody = [torch.empty_like(tensor) for _ in range(self.size)]
        dist.all_gather(everybody, tensor.contiguous(), group=self._mesh.get_group())
        return everybody

    def gathered_lists(self, values: Tensor) -> list[Tensor]:
        """The same for tensors of one dimension, which may be of any lengths."""
        if self._mesh is None:
            return [values]
        lengths = torch.cat(self.gathered(torch.tensor([len(values)]))).tolist()
        padded = values.new_zeros(max(lengths))
        padded[: len(values)] = values
        pairs = zip(self.gathered(padded), lengths, strict=True)
        return [theirs[:length] for theirs, length in pairs]

    def said_by_first(self, number: int) -> int:
        """What the first process says."""
        return self.total(number if self.rank == 0 else 0)

    def own_rows(self, whole: Tensor) -> Tensor:
        """This process's share of the rows of a tensor that all have, on the CPU."""
        if self._mesh is None:
            return whole
        shares = distribute_tensor(whole.cpu(), self._mesh, [Shard(0)], src_data_rank=None)
        return shares.to_local().clone()

    def all_rows(self, own: Tensor) -> Tensor:
        """What `own_rows` took its rows from, on the CPU."""
        if self._mesh is None:
            return own
        return DTensor.from_local(own.cpu(), self._mesh, [Shard(0)]).full_tensor()

    def as_first(self, tensor: Tensor) -> Tensor:
        """The first process's tensor, on the CPU."""
        if self._mesh is None:
            return tensor
        return distribute_tensor(tensor.cpu(), self._mesh, [Replicate()]).to_local()


class Ranks(NamedTuple):
    """Whom this process shares the work with."""

    vectors: Group
    """Those with other vectors and the same features."""
    features: Group
    """Those with other features and the same vectors."""
    all: Group

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes and tells."""
        return self.all.rank == 0


ALONE = Ranks(Group(), Group(), Group())


def ranks_in_grid(shards: int) -> Ranks:
    """Those that torch.distributed was begun with: the features are shared out in `shards`, which
    divides the number of processes, and the vectors among as many as that leaves."""
    size = dist.get_world_size()
    shape = (size // shards, shards)
    grid = init_device_mesh("cpu", shape, mesh_dim_names=("vectors", "features"))
    everybody = init_device_mesh("cpu", (size,))
    return Ranks(_group(grid["vectors"]), _group(grid["features"]), _group(everybody))


def _group(mesh: DeviceMesh) -> Group:
    return Group(mesh if mesh.size() > 1 else None)

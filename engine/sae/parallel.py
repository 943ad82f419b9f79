"""The processes that train one autoencoder together, as torch.distributed joins them.

Usually there is one, and then everything here is what it is without. Several stand in a grid: the
ones in a column have different vectors of every batch and the same features (data parallel), the
ones in a row have different features and the same vectors (tensor parallel).

What a step sums, and over whom:

| a sum over | is completed over |
|---|---|
| vectors: gradients, squared errors, in how many vectors a feature fires | `Ranks.data_parallel` |
| features of a vector: what is decoded | `Ranks.tensor_parallel` |
| acts: how many there are, which are the largest | `Ranks.world` |
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch import distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor


class ProcessGroup:
    """Processes that divide something among them; without a mesh, this process alone.

    Every process of a group must call the same methods in the same order.
    """

    def __init__(self, mesh: DeviceMesh | None = None) -> None:
        """`mesh` has one dimension, and more than one process; it is of the CPU."""
        self._mesh = mesh
        self.size = 1 if mesh is None else mesh.size()
        self.rank = 0 if mesh is None else mesh.get_local_rank()

    def all_reduce(self, tensor: Tensor) -> Tensor:
        """Make of `tensor` the sum of all processes' tensors, in place; gives it back."""
        if self._mesh is not None:
            dist.all_reduce(tensor, group=self._mesh.get_group())
        return tensor

    def total(self, count: int) -> int:
        """The sum of all processes' counts."""
        return count if self._mesh is None else int(self.all_reduce(torch.tensor(int(count))))

    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        """All processes' tensors, in the order of their ranks; all of one shape."""
        if self._mesh is None:
            return [tensor]
        tensors = [torch.empty_like(tensor) for _ in range(self.size)]
        dist.all_gather(tensors, tensor.contiguous(), group=self._mesh.get_group())
        return tensors

    def all_gather_ragged(self, values: Tensor) -> list[Tensor]:
        """All processes' tensors of one dimension, which may differ in length, by rank."""
        if self._mesh is None:
            return [values]
        lengths = torch.cat(self.all_gather(torch.tensor([len(values)]))).tolist()
        padded = values.new_zeros(max(lengths))
        padded[: len(values)] = values
        pairs = zip(self.all_gather(padded), lengths, strict=True)
        return [theirs[:length] for theirs, length in pairs]

    def broadcast(self, number: int) -> int:
        """The first process's number."""
        return self.total(number if self.rank == 0 else 0)

    def broadcast_tensor(self, tensor: Tensor) -> Tensor:
        """The first process's tensor, on the CPU."""
        if self._mesh is None:
            return tensor
        return distribute_tensor(tensor.cpu(), self._mesh, [Replicate()]).to_local()

    def local_rows(self, full: Tensor) -> Tensor:
        """This process's shard of the rows of a tensor that all processes have, on the CPU."""
        if self._mesh is None:
            return full
        shards = distribute_tensor(full.cpu(), self._mesh, [Shard(0)], src_data_rank=None)
        return shards.to_local().clone()

    def full_rows(self, local: Tensor) -> Tensor:
        """The rows of all processes' shards, on the CPU: what `local_rows` took them from."""
        if self._mesh is None:
            return local
        return DTensor.from_local(local.cpu(), self._mesh, [Shard(0)]).full_tensor()


class Ranks(NamedTuple):
    """The groups of processes that this process belongs to."""

    data_parallel: ProcessGroup
    """Processes with other vectors of each batch and the same features."""
    tensor_parallel: ProcessGroup
    """Processes with other features and the same vectors."""
    world: ProcessGroup
    """All processes."""

    @property
    def leads(self) -> bool:
        """Whether this process is the first, which writes files and reports progress."""
        return self.world.rank == 0


ALONE = Ranks(ProcessGroup(), ProcessGroup(), ProcessGroup())
"""The groups of a process that trains by itself."""


def init_ranks(shards: int) -> Ranks:
    """Arrange the processes that torch.distributed was started with: the features are divided into
    `shards`, which divides the number of processes, and the vectors among as many as that leaves.
    """
    size = dist.get_world_size()
    shape = (size // shards, shards)
    grid = init_device_mesh("cpu", shape, mesh_dim_names=("data", "tensor"))
    world = init_device_mesh("cpu", (size,))
    return Ranks(_group(grid["data"]), _group(grid["tensor"]), _group(world))


def _group(mesh: DeviceMesh) -> ProcessGroup:
    return ProcessGroup(mesh if mesh.size() > 1 else None)

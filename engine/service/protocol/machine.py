"""The daemon and the machine it runs on."""

import msgspec

from engine.service.protocol.request import Done, Request


class WorkerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A worker process."""

    pid: int
    doing: str
    """`session` or `job 3`."""
    bytes: int
    """Resident memory."""


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """A GPU at this moment."""

    name: str
    used: int
    """Bytes."""
    total: int
    """Bytes."""
    utilisation: int
    """Percent."""


class Status(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The daemon and the machine it runs on."""

    pid: int
    uptime: float
    """Seconds."""
    version: str
    workspace: str
    device: str
    """What `auto` means here: `cuda:0 NVIDIA …` or `cpu, 8 cores`."""
    jobs: dict[str, int]
    """State to number of jobs."""
    workers: list[WorkerInfo]
    gpus: list[Gpu]
    memory_used: int
    """Bytes of main memory in use, by everybody."""
    memory_total: int
    clients: int


class GetStatus(Request[Status], frozen=True):
    """How is the daemon?"""


class Stop(Request[Done], frozen=True):
    """End the daemon; running jobs are cancelled."""

"""What the machine has and how busy it is, without torch."""

import contextlib
import os
import sys
from collections.abc import Iterator

import psutil
import pynvml

from engine.service.protocol import Gpu


def gpus() -> list[Gpu]:
    """Every NVIDIA GPU at this moment; empty where there is no driver."""
    with _nvml() as there:
        if not there:
            return []
        return [_gpu(pynvml.nvmlDeviceGetHandleByIndex(i)) for i in range(_count())]


def device() -> str:
    """What `--device auto` means here, in words."""
    found = gpus()
    return f"cuda:0 {found[0].name}" if found else f"cpu, {cores()} cores"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def memory() -> tuple[int, int]:
    """Main memory in use and in all, in bytes."""
    state = psutil.virtual_memory()
    return state.total - state.available, state.total


def resident(pid: int) -> int:
    """Resident memory of a process in bytes; 0 if it is gone."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def own_memory() -> dict[str, float]:
    """What this process takes, in bytes: `memory` is resident; `cuda_memory`, where torch uses GPUs
    by now, is what it has allocated on all of them."""
    taken = {"memory": float(resident(os.getpid()))}
    torch = sys.modules.get("torch")  # not imported for this: a process may do without it
    if torch is not None and torch.cuda.is_initialized():
        gpus = range(torch.cuda.device_count())
        taken["cuda_memory"] = float(sum(torch.cuda.memory_allocated(gpu) for gpu in gpus))
    return taken


@contextlib.contextmanager
def _nvml() -> Iterator[bool]:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield False
        return
    try:
        yield True
    finally:
        pynvml.nvmlShutdown()


def _count() -> int:
    return int(pynvml.nvmlDeviceGetCount())


def _gpu(handle: object) -> Gpu:
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(
        name=str(pynvml.nvmlDeviceGetName(handle)),
        used=int(memory.used),
        total=int(memory.total),
        utilisation=int(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu),
    )

import errno

import pytest
import torch

from engine.service.shortages import shortage_of


def test_torch_out_of_memory_is_told_from_bugs() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)
    assert "Memory ran out" in str(shortage_of(caught.value))
    assert "GPU" in str(shortage_of(torch.OutOfMemoryError("CUDA out of memory")))
    assert "Memory ran out" in str(shortage_of(MemoryError()))
    assert shortage_of(RuntimeError("shapes differ")) is None


def test_a_full_disk_names_the_file() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/data/shard")
    assert "The disk is full at /data/shard" in str(shortage_of(full))
    assert shortage_of(FileNotFoundError(errno.ENOENT, "no such file")) is None

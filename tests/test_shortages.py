import errno
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from engine.shortages import shortage_of


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


def test_a_full_disk_is_told_from_other_errors_of_safetensors(tmp_path: Path) -> None:
    full = SafetensorError("Error while serializing: No space left on device (os error 28)")
    assert "The disk is full" in str(shortage_of(full))
    with pytest.raises(SafetensorError) as caught:
        save_file({"a": torch.zeros(3)}, tmp_path / "missing" / "a")
    assert shortage_of(caught.value) is None

"""The kernels in Triton: on the GPU where there is one, else interpreted, and compiled for one.

What they give is held by test_kernels and test_selection_kernels, as for every set of kernels.
Triton is told when it is imported whether it is to interpret, so that takes a process of its own.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given

from engine.sae.kernels.support import Support
from tests.sae.kernels.cases import (
    GPU,
    INTERPRETED,
    Entries,
    check_sum,
    entries,
    law,
    module,
    random_entries,
    rows_of,
    there,
)

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("test_*kernels.py"))

needs_triton = pytest.mark.skipif(not find_spec("triton"), reason="Triton is not installed")
instead_of_gpu = pytest.mark.skipif(GPU or INTERPRETED, reason="they run as they are")
run = pytest.mark.skipif(not (GPU or INTERPRETED), reason="test_interpreted runs it")


@needs_triton
@instead_of_gpu
def test_interpreted() -> None:
    command = [sys.executable, "-m", "pytest", "-x", "-n", "0", "-k", "cuda", *FILES]
    ended = subprocess.run(
        command,
        env={**os.environ, "TRITON_INTERPRET": "1"},
        cwd=HERE.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    print(ended.stdout)


@needs_triton
@instead_of_gpu
def test_all_compile_for_a_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from triton.backends.compiler import GPUTarget
    from triton.runtime import JITFunction, driver

    class Absent:
        """A GPU that is compiled for and never launched on: the oldest that multiplies bfloat16."""

        def get_current_device(self) -> int:
            return 0

        def get_current_stream(self, _device: int) -> int:
            return 0

        def get_current_target(self) -> Any:
            return GPUTarget("cuda", 80, 32)

    launched, machine_code = JITFunction.run, {}

    def compiled(kernel: Any, *arguments: Any, **options: Any) -> None:
        options["warmup"] = True
        machine_code[kernel.fn.__name__] = launched(kernel, *arguments, **options).asm["cubin"]

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(driver, "_active", Absent())
    monkeypatch.setattr(JITFunction, "run", compiled)
    monkeypatch.setattr(torch, "empty", torch.zeros)  # sizes that no kernel has written
    kernels, case = module("cuda"), random_entries(3, 16, 2304, share=0.5, seed=0)
    pre = torch.zeros(1, 65_536, dtype=torch.bfloat16)
    kernels.select_top_k(pre, 32)
    kernels.select_above(pre, pre[0])
    kernels.dots(case.vectors, case.rows, case.support)
    kernels.residual_and_dots(case.vectors, case.rows, case.support, case.values)
    by_feature = kernels.sort_by_feature(case.support, 16)
    kernels.sums_by_feature(by_feature, case.values, case.vectors, case.rows)
    kernels.totals_by_feature(by_feature, case.values)
    kernels.remove_parallel(case.rows, case.rows)
    kernels.normalise_rows(case.rows)
    assert len(machine_code) == 10
    assert all(machine_code.values())


@run
def test_top_k_of_more_than_registers_hold_on_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.sae.kernels.cuda.selection._MOST_IN_REGISTERS", 128)
    pre = torch.randn(3, 2000, generator=torch.Generator().manual_seed(0))
    support = module("cuda").select_top_k(*there("cuda", pre), 50)
    expected = pre.topk(50).indices.sort().values.tolist()
    assert [sorted(features) for features in rows_of(support)] == expected


@run
@law
@given(entries)
def test_products_with_bfloat16_are_summed_in_float32_on_cuda(case: Entries) -> None:
    case = case._replace(rows=case.rows.bfloat16())
    *support, vectors, rows = there("cuda", *case.support, case.vectors, case.rows)
    got = module("cuda").dots(vectors, rows, Support(*support))
    assert got.dtype == torch.float32
    x, w, at = case.vectors.double(), case.rows.double(), case.places()
    check_sum(got, (x @ w.T)[at], (x.abs() @ w.abs().T)[at], x.shape[1])

"""Where and how a measured process runs: the peers' own Python, and the same settings for all."""

import os
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
BENCHMARKS = HERE.parent
REPOSITORY = BENCHMARKS.parent
VENV = BENCHMARKS / ".venv-peers"
REQUIREMENTS = HERE / "peers" / "requirements.txt"

MALLOC = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_TOP_PAD_": str(2**28),
}
"""Makes glibc keep freed pages: without it, page faults cost as much as the work and vary more."""


WAITING = {"OMP_WAIT_POLICY": "passive"}
"""Threads that wait for work sleep, as in our workers: where anything else wants the processors,
spinning ones cost every trainer most of its speed."""


def peers_python(
    given: Path | None, environment: Path = VENV, requirements: Path = REQUIREMENTS
) -> Path:
    """The Python that has the other libraries; unless given, one in an environment built here."""
    if given is not None:
        return given
    python, installed = environment / "bin" / "python", environment / "installed.txt"
    torch = f"torch=={version('torch').partition('+')[0]}"
    wanted = f"{torch}\n{requirements.read_text()}"
    if not installed.exists() or installed.read_text() != wanted:
        print(f"Installing the other libraries in {environment}: some minutes, once.", flush=True)
        venv.create(environment, with_pip=True)
        pip = [str(python), "-m", "pip", "--quiet"]
        subprocess.run([*pip, "install", torch, "-r", str(requirements)], check=True)
        # None of them uses it, but if torch came from another index than it did (one of builds
        # for the CPU, say), then transformers can't be imported beside it.
        subprocess.run([*pip, "uninstall", "--yes", "torchvision"], check=True)
        installed.write_text(wanted)
    return python


def surroundings(threads: int) -> dict[str, str]:
    """The environment variables of every measured process."""
    count = str(threads)
    return {
        **os.environ,
        **MALLOC,
        **WAITING,
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "NUMBA_NUM_THREADS": count,
        "HF_HUB_OFFLINE": "1",
        "WANDB_MODE": "disabled",
    }


def our_python() -> Path:
    """The one that this runs in."""
    return Path(sys.executable)

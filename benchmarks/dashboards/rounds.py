"""Programs in turn, each in a process of its own and on a copy of the material of its own."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.dashboards.messages import Request, Result
from benchmarks.dashboards.programs import OURS
from benchmarks.training.environment import REPOSITORY, our_python, surroundings

Round = dict[str, Result]
"""One result for each program, taken one after the other."""


def measure_round(requests: Sequence[Request], material: Path, peers_python: Path) -> Round:
    """Each in turn, told on the way."""
    results: Round = {}
    for request in requests:
        python = our_python() if request.program == OURS else peers_python
        result = _answer(request, material, python)
        parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.parts.items())
        print(f"  {request.program}: {result.features:,} features; {parts}", flush=True)
        results[request.program] = result
    return results


def _answer(request: Request, material: Path, python: Path) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        here, out, log = Path(folder, "here"), Path(folder, "out.json"), Path(folder, "log.txt")
        shutil.copytree(material, here)
        command = [str(python), "-m", "benchmarks.dashboards.run_one"]
        environment = {"PYTHONPATH": str(REPOSITORY)}
        with log.open("w") as printed:
            ended = subprocess.run(
                [*command, json.dumps(asdict(request)), str(out)],
                cwd=here,
                env=surroundings(request.threads) | environment,
                stdout=printed,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if ended.returncode or not out.exists():
            raise SystemExit(f"{log.read_text()[-3000:]}\n{request.program} failed, see above.")
        return Result.from_json(out.read_text())

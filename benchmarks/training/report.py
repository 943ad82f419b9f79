"""Results on disk: a Markdown page to read, and all that was measured as JSON beside it."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.training.table import Round

RESULTS = Path(__file__).parent.parent / "results"


def write(folder: Path, name: str, page: str, measured: dict[str, Any]) -> None:
    """As NAME.md and NAME.json, in place of what was there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(page)
    (folder / f"{name}.json").write_text(json.dumps(measured, indent=1) + "\n")


def plain(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """Rounds as JSON has them."""
    return [{name: asdict(result) for name, result in round_.items()} for round_ in rounds]


def versions(round_: Round) -> str:
    """Of all that was measured, in one line."""
    known = {
        name: version for result in round_.values() for name, version in result.versions.items()
    }
    return ", ".join(f"{name} {version}" for name, version in sorted(known.items()))


def machine(threads: int) -> str:
    """The machine, in one line."""
    return (
        f"{_processor()}, {os.cpu_count()} CPUs of which {threads} threads were used, "
        f"{platform.system()}, Python {platform.python_version()}"
    )


def _processor() -> str:
    """Its name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()

"""The engine daemon and its machine."""

from typing import Any

from rich.table import Table

from brainsurg_tui.commands.json_document import plain_data
from brainsurg_tui.commands.tables.parts import pair_table
from brainsurg_tui.widgets.numbers import byte_size, seconds
from engine.service import protocol as p


def status_row(found: p.Status) -> dict[str, Any]:
    """As JSON has it."""
    return {name: plain_data(getattr(found, name)) for name in found.__struct_fields__}


def status_table(found: p.Status) -> Table:
    """As people read it."""
    counted = ", ".join(f"{count} {state}" for state, count in sorted(found.jobs.items()))
    workers = [f"{w.doing} (pid {w.pid}, {byte_size(w.bytes)})" for w in found.workers]
    return pair_table(
        {
            "engine": f"pid {found.pid}, version {found.version}, up {seconds(found.uptime)}",
            "workspace": found.workspace,
            "device": found.device,
            "memory": f"{byte_size(found.memory_used)} of {byte_size(found.memory_total)}",
            **{f"GPU {number}": _gpu(gpu) for number, gpu in enumerate(found.gpus)},
            "jobs": counted or "none",
            "workers": ", ".join(workers) or "none",
        }
    )


def _gpu(gpu: p.Gpu) -> str:
    memory = f"{byte_size(gpu.used)} of {byte_size(gpu.total)}"
    return f"{gpu.name}, {memory}, {gpu.utilisation} % busy"

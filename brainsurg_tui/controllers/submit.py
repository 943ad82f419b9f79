"""What every form that ends in a job needs: names, numbers, paths, and the asking itself."""

from collections.abc import Iterable
from pathlib import Path

from brainsurg_tui.controllers.shell import Shell
from engine.errors import UserError
from engine.service.protocol import JobSpec, Submit


async def submit(shell: Shell, form: str, values: dict[str, str], spec: JobSpec) -> None:
    """Ask for a job, and remember what was typed for the next time. UserError if refused."""
    job = await shell.ask(Submit(spec=spec))
    shell.workspace_memory.forms[form] = values
    shell.state.jobs.set(job)
    shell.state.jobs.choose(job.id)


def free_name(stem: str, taken: Iterable[str]) -> str:
    """The first of `stem1`, `stem2` … that is not taken."""
    names = set(taken)
    number = 1
    while f"{stem}{number}" in names:
        number += 1
    return f"{stem}{number}"


def existing_path(text: str) -> Path:
    """The file or folder that the user means. UserError if it is not there."""
    path = Path(text).expanduser().resolve()
    if not text or not path.exists():
        raise UserError(f"There is no {text or 'path'!r}.", "Check the path.")
    return path


def parse_number(text: str, name: str) -> float:
    """`text` as a number. UserError if it is none."""
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{name}: {text!r} is no number.") from None


def parse_whole_number(text: str, name: str) -> int:
    """`text` as a whole number from 0; `24,576` and `1e6` count. UserError if it is none."""
    value = parse_number(text.replace(",", ""), name)
    if value < 0 or not value.is_integer():
        raise UserError(f"{name}: {text!r} is no whole number from 0 on.")
    return int(value)


def parse_optional_whole_number(text: str, name: str) -> int | None:
    """`text` as a whole number from 0, and None where it is empty. UserError if it is none."""
    return parse_whole_number(text, name) if text else None

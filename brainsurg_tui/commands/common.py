"""What every sub-command shares: its common options, and how it talks to the engine."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

from cyclopts import Group, Parameter, validators

from brainsurg_tui.commands.json_document import json_document, plain_data
from brainsurg_tui.widgets.visible import visible

if TYPE_CHECKING:
    from engine.service.client import Client

R = TypeVar("R")

DEFAULT_WORKSPACE = Path("brainsurg-workspace")

OPTIONS_OF_ALL = Group("Options of every command", sort_key=99)


@Parameter(name="*", group=OPTIONS_OF_ALL)
@dataclass(frozen=True, kw_only=True)
class Common:
    """Options of every sub-command."""

    workspace: Annotated[Path, Parameter(env_var="BRAINSURG_WORKSPACE")] = DEFAULT_WORKSPACE
    """Where everything is kept."""
    json: bool = False
    """Print one JSON document on stdout, and nothing else there."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    seed: Annotated[int, Parameter(validator=validators.Number(gte=0, lt=2**63))] = 0
    """Seeds every random choice."""
    debug: bool = False
    """Show the traceback when something fails."""

    def run(self, talk: "Callable[[Client], Awaitable[R]]") -> R:
        """Connect to the workspace's engine, started if need be, and `talk` to it."""
        from engine.service.client import connect

        async def talking() -> R:
            async with await connect(self.workspace) as client:
                return await talk(client)

        return asyncio.run(talking())

    def print_result(self, result: object, show: Callable[[], None] | None = None) -> None:
        """Print `result`: as JSON if that was asked for, else as `show` does it; without one, as
        `commands.tables` has it."""
        if self.json:
            sys.stdout.write(json_document(plain_data(result)) + "\n")
        elif show is not None:
            show()
        else:
            from brainsurg_tui.commands.tables import show_result

            show_result(result)


def absolute(path: Path) -> str:
    """A path that means the same in the engine's process."""
    return os.path.abspath(os.path.expanduser(path))


def wrong_usage(text: str) -> NoReturn:
    """Say what is wrong with how the command was called, and end with status 2."""
    print(f"brainsurg: {visible(text)}", file=sys.stderr)
    raise SystemExit(2)

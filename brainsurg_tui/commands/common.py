"""What every sub-command shares: its common options, and how it talks to the engine."""

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import msgspec
from cyclopts import Parameter, validators

from brainsurg_tui.widgets.visible import visible

if TYPE_CHECKING:
    from engine.service.client import Client

R = TypeVar("R")

DEFAULT_WORKSPACE = "brainsurg-workspace"


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    """Options of every sub-command."""

    workspace: Annotated[Path, Parameter(env_var="BRAINSURG_WORKSPACE")] = field(
        default_factory=lambda: Path(DEFAULT_WORKSPACE)
    )
    """Where everything is kept."""
    json: Annotated[bool, Parameter(negative="")] = False
    """Print one JSON document on stdout, and nothing else there."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    seed: Annotated[int, Parameter(validator=validators.Number(gte=0, lt=2**63))] = 0
    """Seeds every random choice."""
    debug: Annotated[bool, Parameter(negative="")] = False
    """Show the traceback when something fails."""

    def run(self, talk: "Callable[[Client], Awaitable[R]]") -> R:
        """Connect to the workspace's engine, started if need be, and `talk` to it."""
        from engine.service.client import connect

        async def talking() -> R:
            async with await connect(self.workspace) as client:
                return await talk(client)

        return asyncio.run(talking())

    def tell(self, result: msgspec.Struct | dict[str, Any], show: Callable[[], None]) -> None:
        """Print `result`: as JSON if that was asked for, else as `show` does it."""
        if self.json:
            sys.stdout.write(json_document(plain(result)) + "\n")
        else:
            show()


def json_document(value: Any) -> str:
    """JSON in one line that a terminal may be shown: what it would obey or hide is escaped."""
    text = msgspec.json.encode(value).decode()
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""C1 controls (0x9B alone begins an escape sequence), bidirectional and zero-width characters."""


def plain(value: Any) -> Any:
    """A structure as dictionaries and lists, without the tags that frames need."""
    return _untagged(msgspec.to_builtins(value, str_keys=True))


def _untagged(value: Any) -> Any:
    match value:
        case dict():
            return {k: _untagged(v) for k, v in value.items() if k != "type"}
        case list() | tuple():
            return [_untagged(v) for v in value]
    return value


def absolute(path: Path) -> str:
    """A path that means the same in the engine's process."""
    return os.path.abspath(os.path.expanduser(path))


def model_source(model: str) -> str:
    """A model as the user named it; a folder's path is made absolute."""
    looks_like_path = model.startswith((".", "/", "~")) or os.path.isdir(model)
    return absolute(Path(model)) if looks_like_path and model != "demo" else model


def wrong_usage(text: str) -> NoReturn:
    """Say what is wrong with how the command was called, and end with status 2."""
    print(f"brainsurg: {visible(text)}", file=sys.stderr)
    raise SystemExit(2)

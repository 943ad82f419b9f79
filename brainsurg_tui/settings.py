"""What the user set, and what the app remembers by itself: two files, two owners.

`config.toml` is the user's: the app reads it and never writes it. The state file is the app's:
ratios, sort, filter, theme and the last feature, written when it ends.
"""

import locale
import os
import tomllib
from pathlib import Path
from typing import Literal

import msgspec
import platformdirs

from engine.errors import UserError
from engine.files import write_whole

THEME = "brain-surgery"
_WORKSPACES_REMEMBERED = 50


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`config.toml`; every entry is optional."""

    theme: str = ""
    """Name of a theme; empty: the one chosen last. `textual-ansi` takes the terminal's colours."""
    ascii: Literal["auto"] | bool = "auto"
    """Draw with ASCII alone; `auto`: where the locale is not UTF-8 or the terminal is dumb."""
    animations: bool = False
    """Let things slide and fade."""
    mouse: bool = True
    """Take mouse events; false leaves selecting to the terminal."""
    keys: dict[str, str] = {}
    """Action id to keys: `train = "t,ctrl+t"`."""

    def ascii_only(self) -> bool:
        """Whether to draw with ASCII alone, here and now."""
        if self.ascii != "auto":
            return self.ascii
        encoding = locale.getpreferredencoding(False).lower().replace("-", "")
        return encoding != "utf8" or os.environ.get("TERM") in ("dumb", "linux", "vt100")


class Sorting(msgspec.Struct, frozen=True):
    """Order and filter of a table."""

    column: str = ""
    reverse: bool = False
    filter: str = ""


class WorkspaceMemory(msgspec.Struct):
    """What is remembered of one workspace."""

    sae: str = ""
    feature: int | None = None
    pane: str = ""
    """The pane that had the focus."""
    tables: dict[str, Sorting] = {}
    """Pane to the order and filter of its table."""
    forms: dict[str, dict[str, str]] = {}
    """Form to what was last typed into it."""


class Memory(msgspec.Struct):
    """The state file."""

    theme: str = ""
    weights: dict[str, float] = {}
    """Shares of columns and panes, see `layout.WEIGHTS`."""
    workspaces: dict[str, WorkspaceMemory] = {}
    """Path of a workspace to what is remembered of it, the one used last at the end."""

    def of(self, workspace: str) -> WorkspaceMemory:
        """What is remembered of `workspace`; it counts as the one used last from now on."""
        memory = self.workspaces.get(workspace) or WorkspaceMemory()
        self.put(workspace, memory)
        return memory

    def put(self, workspace: str, memory: WorkspaceMemory) -> None:
        """Replace what is remembered of `workspace`, which counts as the one used last."""
        self.workspaces.pop(workspace, None)
        self.workspaces[workspace] = memory
        for oldest in list(self.workspaces)[:-_WORKSPACES_REMEMBERED]:
            del self.workspaces[oldest]


class _Common(msgspec.Struct):
    """What versions before kept in the state file for all workspaces together."""

    pane: str = ""
    tables: dict[str, Sorting] = {}


def config_path() -> Path:
    """Where the user's configuration is looked for."""
    return platformdirs.user_config_path("brainsurg") / "config.toml"


def state_path() -> Path:
    """Where the app keeps what it remembers."""
    return platformdirs.user_state_path("brainsurg") / "tui.json"


def read_settings(path: Path) -> Settings:
    """The configuration in `path`, the defaults if there is none. UserError if it is no good."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Settings)
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:  # TOMLDecodeError and ValidationError are ValueErrors
        raise UserError(f"{path} can't be used: {error}.", "Mend it or move it away.") from error


def read_memory(path: Path) -> Memory:
    """What was remembered; nothing if that is not there or spoilt, for it is a convenience."""
    try:
        written = path.read_bytes()
        memory = msgspec.json.decode(written, type=Memory)
        common = msgspec.json.decode(written, type=_Common)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return Memory()
    if (common.pane or common.tables) and memory.workspaces:
        last = list(memory.workspaces.values())[-1]  # it is where these come from
        last.pane, last.tables = common.pane, common.tables
    return memory


def write_memory(path: Path, memory: Memory) -> None:
    """Remember. Raises OSError where that can't be written."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(memory)))

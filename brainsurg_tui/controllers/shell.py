"""What controllers need of the app: the state, the main screen, the engine, and the user's ear."""

from collections.abc import Callable, Coroutine
from typing import Any, Literal, ParamSpec, Protocol, TypeVar

from textual.screen import Screen, ScreenResultCallbackType
from textual.widget import AwaitMount

from brainsurg_tui.screens.main import MainScreen
from brainsurg_tui.settings import WorkspaceMemory
from brainsurg_tui.state.state import State
from engine.service.protocol import Request

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Shell(Protocol):
    """The app, as controllers see it."""

    state: State
    main: MainScreen
    device: str
    """Where the engine is to compute: `auto`, `cpu`, `cuda` …"""
    workspace_memory: WorkspaceMemory
    """What is remembered of this workspace."""
    ascii_only: bool
    """Whether the terminal has ASCII alone."""

    async def ask(self, request: Request[R]) -> R:
        """The engine's answer. Raises UserError, EngineFault or EngineGoneError without one."""
        ...

    def begin(
        self,
        group: str,
        work: Callable[P, Coroutine[Any, Any, None]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Do `work` beside everything else, instead of what `group` was doing; what it raises is
        told to the user."""
        ...

    def cancel(self, group: str) -> None:
        """Stop what `group` is doing; the engine stops working on what it asked."""
        ...

    def say(
        self, text: str, severity: Literal["information", "warning", "error"] = "information"
    ) -> None:
        """Tell the user something, and keep it for the messages screen."""
        ...

    def push_screen(
        self, screen: Screen[T], callback: ScreenResultCallbackType[T] | None = None
    ) -> AwaitMount:
        """Show a dialog over the main screen; its answer goes to `callback`. Await it before the
        dialog is changed."""
        ...

    def export_screenshot(self) -> str:
        """The screen as SVG."""
        ...

    def copy_to_clipboard(self, text: str) -> None:
        """Put `text` on the clipboard of the terminal."""
        ...

    def exit(self) -> None:
        """End the app."""
        ...

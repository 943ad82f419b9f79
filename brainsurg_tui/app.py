"""Owns the state and the talk with the engine, and hands every command to its controller."""

import asyncio
import os
import signal
import time
import traceback
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NoReturn, ParamSpec, TypeVar

from textual import on
from textual.binding import BindingType
from textual.events import Key
from textual.filter import LineFilter
from textual.worker import WorkType

from brainsurg_tui import next_steps
from brainsurg_tui import settings as files
from brainsurg_tui.actions import BY_ID, bindings, is_refused, key_of, possible
from brainsurg_tui.actions.action import Action
from brainsurg_tui.controllers.controllers import Controllers
from brainsurg_tui.engine import Engine
from brainsurg_tui.engine_link import EngineFactory, EngineLink
from brainsurg_tui.panes.clamp.pane import ClampPane
from brainsurg_tui.panes.detail.pane import DetailSheet
from brainsurg_tui.panes.feature_rows import GoToFeature, ReadDocument
from brainsurg_tui.panes.features.pane import FeaturesPane
from brainsurg_tui.panes.findings.pane import FindingsSheet
from brainsurg_tui.panes.jobs.pane import JobsPane
from brainsurg_tui.panes.prompts.pane import PromptsPane
from brainsurg_tui.screens.main import MainScreen
from brainsurg_tui.screens.text_dialog import TextDialog
from brainsurg_tui.settings import Memory, Settings, WorkspaceMemory
from brainsurg_tui.state.state import State, UserMessage
from brainsurg_tui.state.visits import FeatureRef
from brainsurg_tui.terminal.ascii import AsciiSigns
from brainsurg_tui.terminal.key_queue import KeyQueueApp
from brainsurg_tui.theme import DARK, LIGHT
from brainsurg_tui.widgets.visible import visible
from brainsurg_tui.wishes import COMMANDS
from engine.errors import UserError
from engine.service.faults import EngineFault, EngineGoneError
from engine.service.protocol import Reply

P = ParamSpec("P")
R = TypeVar("R")

_ASCII_SIGNS = AsciiSigns()
_REDRAW = 0.5
"""Seconds between two drawings of what jobs report: a chart is 8 KB over the link."""
_LOOK_AT_MACHINE = 5.0
"""Seconds between two looks at the GPU."""


class BrainSurgery(KeyQueueApp):
    """Panes post what is wanted, controllers do it, and `show` hands the state back down."""

    TITLE = "brain surgery"
    CSS_PATH = "theme.tcss"
    ENABLE_COMMAND_PALETTE = False  # ours is in the list of actions, as every other key is
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")

    state: State
    main: MainScreen
    controllers: Controllers

    def __init__(
        self,
        engine: EngineFactory,
        *,
        settings: Settings | None = None,
        memory_path: Path | None = None,
        device: str = "auto",
        first_wait: float = 0.5,
    ) -> None:
        """`engine` connects once the first picture stands. Without `memory_path` nothing is
        remembered. `first_wait`: seconds before a lost engine is looked for again."""
        super().__init__()
        self.settings = settings or Settings()
        self._memory_path = memory_path
        self.memory = Memory() if memory_path is None else files.read_memory(memory_path)
        self.device = device
        self.ascii_only = self.settings.ascii_only()
        self.state = State(keys=self.settings.keys)
        self.main = MainScreen(self.memory, ascii_only=self.ascii_only)
        self.controllers = Controllers.of(self)
        self._engine_link = EngineLink(engine, self.controllers.connection, first_wait=first_wait)
        self._marked: set[str] = set()
        self._redrawn = 0.0

    def on_mount(self) -> None:
        """Paint, and only then look for the engine."""
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        wanted = self.settings.theme or self.memory.theme
        self.theme = wanted if wanted in self.available_themes else files.THEME
        self.animation_level = "full" if self.settings.animations else "none"
        self.set_keymap(self.settings.keys)
        self.push_screen(self.main)
        self.call_after_refresh(self.begin, "engine", self._engine_link.keep)
        if not self.is_headless:
            self._leave_with_the_terminal()
        self.set_interval(_LOOK_AT_MACHINE, self.controllers.connection.look_at_machine)

    def _leave_with_the_terminal(self) -> None:
        """What is remembered is written when the app is told to end, or its terminal goes away."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
        signal.signal(signal.SIGHUP, self._hung_up)

    def _hung_up(self, *_: object) -> NoReturn:
        """Nothing can be painted any more, and the loop may be waiting for ever to do so."""
        try:
            self._remember()
        finally:
            os._exit(128 + signal.SIGHUP)

    async def on_unmount(self) -> None:
        """Remember, and leave the engine."""
        self._remember()
        await self._engine_link.close()

    def _remember(self) -> None:
        if self._memory_path is not None:
            self.controllers.program.remember(self._memory_path)

    @property
    def workspace_memory(self) -> WorkspaceMemory:
        """What is remembered of this workspace."""
        return self.memory.of(self.state.contents.workspace)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Where the terminal has ASCII alone, so has every line."""
        filters = super().get_line_filters()
        return [*filters, _ASCII_SIGNS] if self.ascii_only else filters

    # What controllers need

    async def ask(self, request: Reply[R]) -> R:
        """The engine's answer. Raises UserError if there is none."""
        return await self._engine_link.ask(request)

    def begin(
        self,
        group: str,
        work: Callable[P, Coroutine[Any, Any, None]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Do `work` beside everything else, instead of what `group` was doing."""

        see = f"{key_of('messages', self.state)} shows it."

        async def guarded() -> None:
            try:
                await work(*args, **kwargs)
            except UserError as mistake:
                self.say(str(mistake), "error")
            except EngineGoneError:
                self.say("The engine went away before it answered.", "error")
            except EngineFault as fault:
                self.say(f"The engine failed: {fault.what}. {see}", "error", fault.trace)
            except Exception as bug:
                self.say(f"That is a bug: {bug!r}. {see}", "error", traceback.format_exc())

        worker: WorkType[None] = guarded
        self.run_worker(worker, group=group, exclusive=True, exit_on_error=False)

    def show(self, *panes: str) -> None:
        """Have these panes (none: all) show the state."""
        self.main.show(self.state, *panes)

    def mark(self, *panes: str) -> None:
        """Have these panes show the state soon, together with what else happens until then."""
        if not self._marked:
            since = time.monotonic() - self._redrawn
            self.set_timer(max(0.01, _REDRAW - since), self._show_marked)
        self._marked.update(panes)

    def _show_marked(self) -> None:
        panes, self._marked = self._marked, set()
        self._redrawn = time.monotonic()
        self.show(*panes)

    def say(
        self,
        text: str,
        severity: Literal["information", "warning", "error"] = "information",
        trace: str = "",
    ) -> None:
        """Tell the user something, and keep it for the messages screen."""
        self.state.messages.append(UserMessage(time.time(), severity, text, trace))
        self.notify(visible(text), severity=severity, markup=False)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what can't be done now."""
        name = str(parameters[0]) if action == "do" else action
        return True if possible(name, self.state) else None

    def on_key(self, event: Key) -> None:
        """Say why a key does nothing now, where it would do something at another time."""
        active = self.main.active_bindings.get(event.key) if self.screen is self.main else None
        action = None if active is None else BY_ID.get(active.binding.id or "")
        if action is not None and is_refused(action, event.key, self.state):
            self.say(next_steps.first(action, self.state), "warning")

    def action_do(self, id: str) -> None:
        """Fulfil the wish of this id."""
        COMMANDS[id](self)

    async def action_quit(self) -> None:
        """What Textual binds ctrl+q to; a running job is asked about here too."""
        self.controllers.program.quit()

    def action_help_quit(self) -> None:
        """What Textual binds ctrl+c to, for those who expect it to quit."""
        self.say(f"{key_of('quit', self.state)} quits.")

    async def perform(self, action: Action) -> None:
        """Do any action of the list, as if its key had been pressed in its pane."""
        if action.home in self.main.panes:
            self.main.go_to(action.home)
        await self.run_action(action.call, self.main.namespace(action.home))

    # What panes want

    @on(PromptsPane.Edit)
    def _edit_prompt(self, message: PromptsPane.Edit) -> None:
        self.controllers.prompts.edit(message.prompt)

    @on(PromptsPane.Delete)
    def _delete_prompts(self, message: PromptsPane.Delete) -> None:
        self.controllers.prompts.delete(message.prompts)

    @on(FeaturesPane.Chosen)
    def _choose_feature(self, message: FeaturesPane.Chosen) -> None:
        self.controllers.features.choose(message.feature)

    @on(FeaturesPane.Opened)
    def _open_feature(self) -> None:
        self.controllers.feature_view.open()

    @on(FeaturesPane.Filter)
    def _filter_features(self, message: FeaturesPane.Filter) -> None:
        self.controllers.features.filter(message.text)

    @on(FindingsSheet.Chosen)
    def _choose_found(self, message: FindingsSheet.Chosen) -> None:
        self.controllers.search.chose(message.feature)

    @on(FindingsSheet.Opened)
    def _open_found(self, message: FindingsSheet.Opened) -> None:
        self.controllers.search.open(message.feature)

    @on(DetailSheet.Step)
    def _next_feature(self, message: DetailSheet.Step) -> None:
        self.controllers.features.step(message.rows)

    @on(GoToFeature)
    def _go_to_feature(self, message: GoToFeature) -> None:
        self.controllers.features.go(FeatureRef(message.sae, message.feature))

    @on(ReadDocument)
    def _read_document(self, message: ReadDocument) -> None:
        self.controllers.feature_view.read(message.snippet)

    @on(ClampPane.Opened)
    def _read_prompt_report(self, message: ClampPane.Opened) -> None:
        self.push_screen(TextDialog(message.title, message.text))

    @on(JobsPane.Chosen)
    def _choose_job(self, message: JobsPane.Chosen) -> None:
        self.controllers.jobs.choose(message.job)

    @on(JobsPane.Opened)
    def _read_job(self, message: JobsPane.Opened) -> None:
        self.controllers.jobs.read(message.job)


def run(workspace: Path, device: str = "auto") -> None:
    """Open the app on the workspace at this path. Raises UserError for a bad configuration."""
    settings = files.read_settings(files.config_path())

    async def connect() -> Engine:
        from engine.service.client import connect

        return await connect(workspace)

    app = BrainSurgery(connect, settings=settings, memory_path=files.state_path(), device=device)
    app.run(mouse=settings.mouse)

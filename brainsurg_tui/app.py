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
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.events import Key
from textual.filter import LineFilter
from textual.worker import WorkType

from brainsurg_tui.actions.action import Action
from brainsurg_tui.actions.registry import bindings, find_action, is_refused, key_of
from brainsurg_tui.controllers.controllers import Controllers
from brainsurg_tui.engine_link import Engine, EngineFactory, EngineLink
from brainsurg_tui.panes.clamp.pane import ClampPane
from brainsurg_tui.panes.detail.pane import DetailSheet
from brainsurg_tui.panes.feature_rows import GoToFeature, ReadDocument
from brainsurg_tui.panes.features.pane import FeaturesPane
from brainsurg_tui.panes.findings.pane import FindingsSheet
from brainsurg_tui.panes.jobs.pane import JobsPane
from brainsurg_tui.panes.prompts.pane import PromptsPane
from brainsurg_tui.panes.table_pane import TablePane
from brainsurg_tui.screens.main import MainScreen
from brainsurg_tui.screens.text_dialog import TextDialog
from brainsurg_tui.settings import (
    THEME,
    Memory,
    Settings,
    config_path,
    read_memory,
    read_settings,
    state_path,
    write_memory,
)
from brainsurg_tui.state.parts import StatePart
from brainsurg_tui.state.state import State, UserMessage
from brainsurg_tui.state.visits import FeatureRef
from brainsurg_tui.terminal.ascii import AsciiSigns
from brainsurg_tui.terminal.key_queue import KeyQueueApp
from brainsurg_tui.theme import DARK, LIGHT
from brainsurg_tui.widgets.visible import visible
from engine.errors import UserError
from engine.service.faults import EngineFault, EngineGoneError
from engine.service.protocol import Request

P = ParamSpec("P")
R = TypeVar("R")

_ASCII_SIGNS = AsciiSigns()
_STATUS_INTERVAL = 5.0
"""Seconds between two questions how busy the GPU is."""


class BrainSurgery(KeyQueueApp):
    """Panes post what is wanted, controllers do it and change the state, and the main screen has
    the panes painted that show what changed."""

    TITLE = "brain surgery"
    CSS_PATH = Path(__file__).with_name("theme.tcss")
    ENABLE_COMMAND_PALETTE = False  # ours is in the list of actions, as every other key is
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")

    def __init__(
        self,
        engine: EngineFactory,
        *,
        settings: Settings | None = None,
        memory_path: Path | None = None,
        workspace: str = "",
        device: str = "auto",
        first_wait: float = 0.5,
    ) -> None:
        """`engine` connects once the first picture stands. Without `memory_path` nothing is
        remembered; `workspace` is the path of what it is remembered of. `first_wait`: seconds
        before a lost engine is looked for again."""
        super().__init__()
        self.settings = settings or Settings()
        self._memory_path = memory_path
        self.memory = Memory() if memory_path is None else read_memory(memory_path)
        self._workspace = workspace
        self.workspace_memory = self.memory.of(workspace)
        """What is remembered of this workspace."""
        self.device = device
        self.ascii_only = self.settings.ascii_only()
        self.state = State(self.settings.keys, self._on_state_change)
        self.main = MainScreen(
            self.state, self.memory, self.workspace_memory, ascii_only=self.ascii_only
        )
        self.controllers = Controllers.build(self)
        self._engine_link = EngineLink(engine, self.controllers.connection, first_wait=first_wait)

    def on_mount(self) -> None:
        """Paint, and only then look for the engine."""
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        wanted = self.settings.theme or self.memory.theme
        self.theme = wanted if wanted in self.available_themes else THEME
        self.animation_level = "full" if self.settings.animations else "none"
        self.set_keymap(self.settings.keys)
        self.push_screen(self.main)
        self.call_after_refresh(self.begin, "engine", self._engine_link.run)
        if not self.is_headless:
            self._leave_with_the_terminal()
        self.set_interval(_STATUS_INTERVAL, self.controllers.connection.refresh_status)

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
        """Write down what the user would have to do again the next time."""
        if self._memory_path is None:
            return
        here = self.workspace_memory
        here.pane, here.tables = self.main.last_pane, self.main.sortings()
        if self.state.contents.workspace:
            here.sae, here.feature = self.state.sae or "", self.state.feature
        memory = read_memory(self._memory_path)  # another app may have written there meanwhile
        memory.theme, memory.weights = self.theme, self.memory.weights
        memory.put(self._workspace, here)
        try:
            write_memory(self._memory_path, memory)
        except OSError as error:
            self.log.warning(f"nothing is remembered: {error}")

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Where the terminal has ASCII alone, so has every line."""
        filters = super().get_line_filters()
        return [*filters, _ASCII_SIGNS] if self.ascii_only else filters

    def pop_screen(self) -> AwaitComplete:
        """Close a dialog; what changed is painted under it first, not once more after it."""
        self.main.paint()
        return super().pop_screen()

    # What controllers need (`controllers.shell`)

    async def ask(self, request: Request[R]) -> R:
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

        async def report_errors() -> None:
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

        worker: WorkType[None] = report_errors
        self.run_worker(worker, group=group, exclusive=True, exit_on_error=False)

    def cancel(self, group: str) -> None:
        """Stop what `group` is doing; the engine stops working on what it asked."""
        self.workers.cancel_group(self, group)

    def _on_state_change(self, parts: frozenset[StatePart]) -> None:
        self.main.on_state_change(parts)

    def say(
        self,
        text: str,
        severity: Literal["information", "warning", "error"] = "information",
        trace: str = "",
    ) -> None:
        """Tell the user something, and keep it for the messages screen."""
        self.state.add_message(UserMessage(time.time(), severity, text, trace))
        self.notify(visible(text), severity=severity, markup=False)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what can't be done now."""
        registered = find_action(str(parameters[0])) if action == "do" else None
        return True if registered is None or registered.is_possible(self.state) else None

    def on_key(self, event: Key) -> None:
        """Say why a key does nothing now, where it would do something at another time."""
        active = self.main.active_bindings.get(event.key) if self.screen is self.main else None
        action = None if active is None else find_action(active.binding.id)
        if action is not None and is_refused(action, event.key, self.state):
            self.say(action.why_not(self.state), "warning")

    def action_do(self, id: str) -> None:
        """Do the action of this id: what all key bindings of the list call."""
        if (action := find_action(id)) is not None:
            self.perform(action)

    async def action_quit(self) -> None:
        """What Textual binds ctrl+q to; a running job is asked about here too."""
        self.controllers.program.quit()

    def action_help_quit(self) -> None:
        """What Textual binds ctrl+c to, for those who expect it to quit."""
        self.say(f"{key_of('quit', self.state)} quits.")

    def perform_anywhere(self, action: Action) -> None:
        """Do any action of the list, as if its key had been pressed in its pane."""
        if action.home in self.main.panes:
            self.main.go_to(action.home)
        if action.is_possible(self.state):
            self.perform(action)

    def perform(self, action: Action) -> None:
        """Do an action here and now; an error of the user's is told to the user."""
        try:
            action.run(self)
        except UserError as mistake:
            self.say(str(mistake), "error")

    # What panes want

    @on(TablePane.FilterDropped)
    def _report_dropped_filter(self, message: TablePane.FilterDropped) -> None:
        filter = f"The filter of the last time, /{message.pattern}, leaves nothing"
        self.say(f"{filter}, so it is not applied.", "warning")

    @on(PromptsPane.Edit)
    def _edit_prompt(self, message: PromptsPane.Edit) -> None:
        self.controllers.prompts.edit(message.prompt)

    @on(PromptsPane.Delete)
    def _delete_prompts(self, message: PromptsPane.Delete) -> None:
        self.controllers.prompts.delete(message.prompts)

    @on(PromptsPane.Marked)
    def _count_marked_prompts(self, message: PromptsPane.Marked) -> None:
        self.state.set_marked_prompts(message.prompts)

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
    def _choose_result(self, message: FindingsSheet.Chosen) -> None:
        self.controllers.search.choose(message.feature)

    @on(FindingsSheet.Opened)
    def _open_result(self, message: FindingsSheet.Opened) -> None:
        self.controllers.search.open(message.feature)

    @on(DetailSheet.Step)
    def _next_feature(self, message: DetailSheet.Step) -> None:
        self.controllers.features.step(message.rows)

    @on(GoToFeature)
    def _go_to_feature(self, message: GoToFeature) -> None:
        self.controllers.features.go_to(FeatureRef(message.sae, message.feature))

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
    settings = read_settings(config_path())

    async def connect() -> Engine:
        from engine.service.client import connect

        return await connect(workspace)

    app = BrainSurgery(
        connect,
        settings=settings,
        memory_path=state_path(),
        workspace=os.path.realpath(workspace.expanduser()),
        device=device,
    )
    app.run(mouse=settings.mouse)

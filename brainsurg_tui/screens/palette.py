"""Every action by its name, for Textual's own palette."""

from functools import partial
from typing import Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from brainsurg_tui.actions.action import Action
from brainsurg_tui.actions.registry import all_actions
from brainsurg_tui.state.state import State


class ActionRunner(Protocol):
    """The app, as far as the palette needs it."""

    state: State

    def perform_anywhere(self, action: Action) -> None:
        """Do an action, as if its key had been pressed in its pane."""
        ...


class ActionProvider(Provider):
    """Offers what can be done now."""

    @property
    def _runner(self) -> ActionRunner:
        return cast(ActionRunner, self.app)

    def _possible_actions(self) -> list[Action]:
        state = self._runner.state
        return [a for a in all_actions() if a.id != "palette" and a.is_possible(state)]

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for action in self._possible_actions():
            run = partial(self._runner.perform_anywhere, action)
            yield DiscoveryHit(self._title(action), run, help=action.help)

    async def search(self, query: str) -> Hits:
        """Those whose title is like `query`."""
        matcher = self.matcher(query)
        for action in self._possible_actions():
            title = self._title(action)
            if (score := matcher.match(title)) > 0:
                run = partial(self._runner.perform_anywhere, action)
                yield Hit(score, matcher.highlight(title), run, help=action.help)

    def _title(self, action: Action) -> str:
        keys = self._runner.state.keys.get(action.id, action.keys)
        return f"{action.title}  ({keys.replace(',', ' ')})" if keys else action.title

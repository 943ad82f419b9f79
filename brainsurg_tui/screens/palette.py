"""Every action by its name, for Textual's own palette."""

from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider

from brainsurg_tui.actions import ACTIONS
from brainsurg_tui.actions.action import Action

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery


class ActionProvider(Provider):
    """Offers what can be done now."""

    @property
    def _brain_surgery(self) -> "BrainSurgery":
        from brainsurg_tui.app import BrainSurgery

        assert isinstance(self.app, BrainSurgery)
        return self.app

    def _offered(self) -> list[Action]:
        state = self._brain_surgery.state
        return [action for action in ACTIONS if action.id != "palette" and action.possible(state)]

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for action in self._offered():
            yield DiscoveryHit(self._title(action), self._command(action), help=action.help)

    async def search(self, query: str) -> Hits:
        """Those whose title is like `query`."""
        matcher = self.matcher(query)
        for action in self._offered():
            title = self._title(action)
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), self._command(action), help=action.help)

    def _title(self, action: Action) -> str:
        keys = self._brain_surgery.settings.keys.get(action.id, action.keys)
        return f"{action.title}  ({keys.replace(',', ' ')})" if keys else action.title

    def _command(self, action: Action) -> "partial[Coroutine[object, object, None]]":
        return partial(self._brain_surgery.perform, action)

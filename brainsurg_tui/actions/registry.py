"""The list of actions: what is registered has its keys, and is in palette and help."""

from collections.abc import Collection

from textual.binding import Binding, BindingType

from brainsurg_tui.actions.action import Action
from brainsurg_tui.state.state import State

_ACTIONS: dict[str, Action] = {}


def register(*actions: Action) -> None:
    """Add actions to the list, in the order in which the palette offers them."""
    for action in actions:
        if action.id in _ACTIONS:
            raise ValueError(f"two actions have the id {action.id}")
        _ACTIONS[action.id] = action


def all_actions() -> Collection[Action]:
    """Every action there is."""
    return _ACTIONS.values()


def find_action(id: str | None) -> Action | None:
    """The action of this id; None where there is none, for Textual has actions of its own."""
    return _ACTIONS.get(id or "")


def key_of(id: str, state: State) -> str:
    """The first key of an action, as the user set it."""
    return state.keys.get(id, _ACTIONS[id].keys).split(",")[0]


def bindings(*homes: str) -> list[BindingType]:
    """The key bindings of the app, the main screen or a pane: those at one of these homes."""
    return [
        Binding(
            action.keys,
            f"app.do('{action.id}')",
            action.title,
            show=False,
            tooltip=action.help,
            id=action.id,
        )
        for action in all_actions()
        if action.home in homes and action.keys
    ]


def is_refused(action: Action, key: str, state: State) -> bool:
    """Whether this key does nothing now because its action can't be done; where the app or the
    main screen have a use for the key too, it does that."""
    everywhere = {
        key for other in all_actions() if other.is_everywhere for key in other.keys.split(",")
    }
    falls_back = not action.is_everywhere and key in everywhere
    return not action.is_possible(state) and not falls_back

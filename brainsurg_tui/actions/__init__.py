"""Everything that can be done, in one list.

Key bindings, the palette, the help screen and the hint line are all made from it, and the keys of
the configuration are looked up in it by id. What is done is in `wishes`, for what the app does;
else it is the method `action_<id>` of the main screen or of a pane, without the digit at its end.
"""

from textual.binding import Binding, BindingType

from brainsurg_tui.actions.action import Action
from brainsurg_tui.actions.features import FEATURES
from brainsurg_tui.actions.main_screen import MAIN_SCREEN
from brainsurg_tui.actions.panes import PANES_OWN
from brainsurg_tui.actions.work import WORK
from brainsurg_tui.state.state import State

ACTIONS: tuple[Action, ...] = (*WORK, *MAIN_SCREEN, *PANES_OWN, *FEATURES)

HINTS: dict[str, tuple[str, ...]] = {
    "prompts": ("add", "edit", "firing", "capture", "palette", "help"),
    "features": ("filter", "sort_right", "label", "grep", "clamp", "help"),
    "snippets": ("weaker_examples", "stronger_examples", "wider_window", "clamp", "star", "help"),
    "clamp": ("stronger", "operation", "view", "form", "export", "help"),
    "loss": ("metric_right", "logarithmic", "freeze", "export", "zoom", "help"),
    "jobs": ("hold_job", "cancel_job", "train", "zoom", "palette", "help"),
    "detail": ("next_part", "weaker_examples", "next_match", "label", "earlier", "help"),
    "findings": ("found_right", "found_part", "again", "label", "clamp", "help"),
}
"""Pane or sheet to what its hint line shows, in this order, as far as it can be done."""

BY_ID = {action.id: action for action in ACTIONS}


def bindings(*homes: str) -> list[BindingType]:
    """The key bindings of the app, the main screen or a pane."""
    return [
        Binding(
            action.keys,
            action.call,
            action.title,
            show=False,
            tooltip=action.help,
            id=action.id,
        )
        for action in ACTIONS
        if action.home in homes and action.keys
    ]


def key_of(id: str, state: State) -> str:
    """The first key of an action, as the user set it."""
    return state.keys.get(id, BY_ID[id].keys).split(",")[0]


_EVERYWHERE = {
    key for action in ACTIONS if action.home in ("app", "main") for key in action.keys.split(",")
}


def is_refused(action: Action, key: str, state: State) -> bool:
    """Whether this key does nothing now because its action can't be done; where the program or the
    workbench have a use for the key too, it does that."""
    falls_back = action.home not in ("app", "main") and key in _EVERYWHERE
    return not action.possible(state) and not falls_back


def possible(name: str, state: State) -> bool:
    """Whether the action method `name` may be called now; what the list does not know, may."""
    action = BY_ID.get(name)
    return action is None or action.possible(state)

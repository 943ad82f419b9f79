"""What an action is: one object with its keys, its words, what it needs and what it does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from brainsurg_tui.state.state import State


@dataclass(frozen=True)
class Needs:
    """What must be there for an action."""

    test: Callable[[State], bool]
    """Whether it is there."""
    why_not: Callable[[State], str]
    """Where it is not: why, and what there is to do first, in a sentence."""


ANYTIME = Needs(lambda state: True, lambda state: "")


@dataclass(frozen=True)
class Action:
    """Something that the user can do."""

    id: str
    """How the user's configuration names it."""
    title: str
    """What it does in a few words, for the palette."""
    help: str
    """What it does in a sentence."""
    run: Callable[[Any], object]
    """Does it, given the app (`BrainSurgery`, which stands above this list and is not imported)."""
    keys: str = ""
    """Its default keys, separated by commas; none: it is only in the palette."""
    home: str = "app"
    """Where the keys work: `app`, `main` (the main screen), `feature` (every pane in which a
    feature is looked at), or the pane whose focus gives the keys this meaning."""
    hint: str = ""
    """One word for the hint line."""
    needs: Needs = ANYTIME

    @property
    def is_everywhere(self) -> bool:
        """Whether its keys work in every pane."""
        return self.home in ("app", "main")

    def is_possible(self, state: State) -> bool:
        """Whether it can be done now."""
        return self.needs.test(state)

    def why_not(self, state: State) -> str:
        """Why it can't be done now, and what there is to do first."""
        return f"{self.title}: {self.needs.why_not(state)}"

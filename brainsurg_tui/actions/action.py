"""What an action is, and when one can be done."""

from collections.abc import Callable
from dataclasses import dataclass

from brainsurg_tui.state.state import State
from brainsurg_tui.wishes import COMMANDS


def always(state: State) -> bool:
    """At any time."""
    return True


@dataclass(frozen=True)
class Action:
    """Something that the user can do."""

    id: str
    title: str
    """What it does in a few words, for the palette."""
    help: str
    """What it does in a sentence."""
    keys: str = ""
    """Its default keys, separated by commas; none: it is only in the palette."""
    home: str = "app"
    """`app`, `main`, `feature` (every pane in which a feature is looked at), or the pane whose
    focus gives the keys this meaning."""
    hint: str = ""
    """One word for the hint line."""
    possible: Callable[[State], bool] = always
    """Whether it can be done now."""

    @property
    def call(self) -> str:
        """The action as Textual calls it: `app.do('train')`, `pane(3)`, `zoom`."""
        if self.id in COMMANDS:
            return f"app.do('{self.id}')"
        name, _, argument = self.id.rpartition("_")
        return f"{name}({argument})" if argument.isdigit() else self.id


def connected(state: State) -> bool:
    """While there is an engine."""
    return state.connection == "connected"


def has_activations(state: State) -> bool:
    """While there is something to train on."""
    return connected(state) and bool(state.contents.activations)


def has_sae(state: State) -> bool:
    """While there is an SAE."""
    return connected(state) and bool(state.contents.saes)


def has_prompts(state: State) -> bool:
    """While there is a prompt."""
    return connected(state) and bool(state.contents.prompts)


def has_features(state: State) -> bool:
    """While a feature table is there."""
    return connected(state) and state.table is not None


def has_feature(state: State) -> bool:
    """While a feature is selected."""
    return has_features(state) and state.feature is not None


def can_search_prompts(state: State) -> bool:
    """While there are prompts, and an SAE whose features may fire in them."""
    return has_prompts(state) and state.sae is not None


def has_findings(state: State) -> bool:
    """While there is what a search found, or will find."""
    return connected(state) and state.search_results is not None


def has_places(state: State) -> bool:
    """While the places in the text at which a feature knows a pattern are there."""
    return (
        has_findings(state)
        and state.search_results is not None
        and bool(state.search_results.places())
    )


def has_edits(state: State) -> bool:
    """While a clamp is prepared."""
    return connected(state) and bool(state.clamp_draft.edits)


def can_undo(state: State) -> bool:
    """While there is a change to take back."""
    return connected(state) and bool(state.undo)


def can_redo(state: State) -> bool:
    """While there is a change that was taken back."""
    return connected(state) and bool(state.redo)


def has_running_job(state: State) -> bool:
    """While a job runs or waits."""
    return connected(state) and bool(state.running())


def can_hold(state: State) -> bool:
    """While a job runs or waits, or the chosen one was interrupted and can go on."""
    chosen = state.jobs.get(state.job or 0)
    resumable = connected(state) and chosen is not None and chosen.resumable
    return has_running_job(state) or resumable


def has_running_work(state: State) -> bool:
    """While a job runs or waits, or a clamp or a search does."""
    asking = state.clamp_progress is not None or state.search_progress is not None
    return has_running_job(state) or (connected(state) and asking)

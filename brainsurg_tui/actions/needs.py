"""What actions need, and what is said where that is not there."""

from collections.abc import Callable

from brainsurg_tui.actions import next_steps
from brainsurg_tui.actions.action import Needs
from brainsurg_tui.actions.registry import key_of
from brainsurg_tui.state.state import State
from engine.service.protocol import ProbeResult


def _while_connected(test: Callable[[State], bool], why_not: Callable[[State], str]) -> Needs:
    """Needs the engine and something more."""

    def reason(state: State) -> str:
        connected = state.connection == "connected"
        return why_not(state) if connected else "The engine is not there yet."

    return Needs(lambda state: state.connection == "connected" and test(state), reason)


def _has_work(state: State) -> bool:
    asking = state.clamp.progress is not None or state.search.progress is not None
    return asking or bool(state.jobs.running())


def _can_hold(state: State) -> bool:
    chosen = state.jobs.chosen_info()
    return bool(state.jobs.running()) or (chosen is not None and chosen.resumable)


def _no_search(state: State) -> str:
    """Why no prompt can be searched: there is no SAE, or no prompt."""
    return next_steps.for_features(state) if state.sae is None else next_steps.for_prompts(state)


ENGINE = _while_connected(lambda state: True, lambda state: "")
ACTIVATIONS = _while_connected(
    lambda state: bool(state.contents.activations), next_steps.for_features
)
SAE = _while_connected(lambda state: bool(state.contents.saes), next_steps.for_features)
TABLE = _while_connected(lambda state: state.table is not None, next_steps.for_features)
"""The features of an SAE."""
FEATURE = _while_connected(
    lambda state: state.table is not None and state.feature is not None, next_steps.for_features
)
"""A selected feature."""
PROMPTS = _while_connected(lambda state: bool(state.contents.prompts), next_steps.for_prompts)
PROMPTS_AND_SAE = _while_connected(
    lambda state: bool(state.contents.prompts) and state.sae is not None, _no_search
)
"""Prompts, and an SAE whose features may fire in them."""
RESULTS = _while_connected(lambda state: state.search.results is not None, next_steps.for_findings)
"""What a search found, or will find."""
PLACES = _while_connected(
    lambda state: state.search.results is not None and bool(state.search.results.places()),
    next_steps.for_findings,
)
"""Places in the text at which a feature responds to a pattern."""
EDITS = _while_connected(lambda state: bool(state.clamp.draft.edits), next_steps.for_clamp)
"""A clamp that is prepared."""
DONE_STEP = _while_connected(
    lambda state: bool(state.undo_history.done), lambda state: "There is no change to take back."
)
UNDONE_STEP = _while_connected(
    lambda state: bool(state.undo_history.undone), lambda state: "Nothing was taken back."
)
JOB_TO_HOLD = _while_connected(_can_hold, lambda state: "No job runs.")
"""A job that runs or waits, or a chosen one that was interrupted and can go on."""
PROBE_RESULT = _while_connected(
    lambda state: isinstance(getattr(state.jobs.chosen_info(), "result", None), ProbeResult),
    lambda state: f"Choose a probe that is done; {key_of('probe', state)} asks for one.",
)
"""A chosen job that has told labels from features."""
RUNNING_WORK = _while_connected(_has_work, lambda state: "No job runs.")
"""A job, a clamp or a search that runs or waits."""

"""What could be done next, said wherever there is nothing to be seen; with the keys that do it."""

from brainsurg_tui.actions import key_of
from brainsurg_tui.actions.action import (
    Action,
    can_redo,
    can_search_prompts,
    can_undo,
    has_activations,
    has_edits,
    has_feature,
    has_features,
    has_findings,
    has_prompts,
    has_sae,
)
from brainsurg_tui.state.state import State
from engine.service.protocol import Capture, Evaluate, JobSpec, Progressed, Scan, Sweep, Train

NOWHERE = "It is active nowhere in the scanned text."
NO_EXAMPLE = "There is no example of that kind."
_CHAIN = (has_activations, has_sae, has_features, has_feature)
"""What becomes possible one after the other, until there are features."""


def waiting(progress: Progressed) -> str:
    """What is being done while a question waits for its answer, and where it is known, how much."""
    if not progress.total:
        return f"{progress.phase} …"
    return f"{progress.phase} {progress.done}/{progress.total} …"


def for_prompts(state: State) -> str:
    """In a prompts pane without prompts."""
    if state.connection != "connected":
        return ""
    return f"No prompts yet - press {key_of('add', state)} to add one."


def for_features(state: State) -> str:
    """In a features pane without features."""
    if state.connection != "connected":
        return ""
    sae = state.sae_info()
    if sae is not None and sae.scanned:
        return "No feature matches - esc clears the filter." if state.table else "…"
    if sae is not None:
        return (
            f"{sae.name} is not scanned yet - press {key_of('scan', state)} to find its features."
        )
    if state.contents.activations:
        return f"No features yet - press {key_of('train', state)} to train an SAE."
    return f"No activations yet - press {key_of('capture', state)} to capture some."


def for_snippets(state: State) -> str:
    """In a snippets pane while no feature is selected."""
    return f"Choose a feature in pane {key_of('pane_2', state)}." if state.table else ""


def for_a_feature_without_notes(state: State) -> str:
    """Where nothing was written down about a feature."""
    keys = {id: key_of(id, state) for id in ("label", "tags", "star", "note")}
    return (
        f"{keys['label']} names it, {keys['tags']} tags it, {keys['star']} puts a star on it, "
        f"{keys['note']} adds a note"
    )


def for_findings(state: State) -> str:
    """In findings that are awaited, or empty."""
    if state.search_progress is not None:
        return f"{waiting(state.search_progress)} {key_of('cancel_job', state)} gives up"
    if state.search_results is None:
        return (
            f"Nothing was searched for yet: {key_of('firing', state)} in the prompts, "
            f"or {key_of('grep', state)} at a feature."
        )
    return "Nothing was found."


def for_clamp(state: State) -> str:
    """In a clamp pane without a report."""
    clamp = key_of("clamp", state)
    if state.clamp_progress is not None:
        return "Clamping …"
    if state.connection != "connected":
        return ""
    if state.clamp_draft.edits:
        return f"Press {clamp} to run the clamp."
    if state.table is None:
        return "Nothing to clamp yet: features come first."
    return (
        f"Nothing clamped yet - choose a feature in pane {key_of('pane_2', state)}, press {clamp}."
    )


def for_loss(state: State) -> str:
    """In a loss pane without a training."""
    if state.connection != "connected":
        return ""
    if state.contents.activations:
        return f"No training yet - press {key_of('train', state)} to train an SAE."
    return f"No training yet - press {key_of('capture', state)} to capture activations first."


def for_jobs(state: State) -> str:
    """In a jobs pane without jobs."""
    if state.connection != "connected":
        return ""
    return f"Nothing was done yet - press {key_of('capture', state)} to capture activations."


def first(action: Action, state: State) -> str:
    """Why an action can't be done now, and where there is something to do first, that."""
    without_sae = action.possible is can_search_prompts and state.sae is None
    if state.connection != "connected":
        why = "The engine is not there yet."
    elif action.possible in _CHAIN or without_sae:
        why = for_features(state)
    elif action.possible in (has_prompts, can_search_prompts):
        why = for_prompts(state)
    elif action.possible is has_edits:
        why = for_clamp(state)
    elif action.possible is has_findings:
        why = for_findings(state)
    elif action.possible is can_undo:
        why = "There is no change to take back."
    elif action.possible is can_redo:
        why = "Nothing was taken back."
    else:
        why = "No job runs."
    return f"{action.title}: {why}"


def for_job_line(state: State) -> str:
    """While no job runs: what is being waited for, or the next step of the chain."""
    if state.connection == "connecting":
        return "connecting to the engine …"
    if state.connection == "lost":
        return "The engine is gone; trying to reach it again …"
    if state.clamp_progress is not None:
        progress = state.clamp_progress
        so_far = f" {progress.done} of {progress.total} {progress.unit}" if progress.total else ""
        return f"Clamping{so_far} - {key_of('cancel_job', state)} gives it up"
    if state.search_progress is not None:
        return f"Searching for features - {key_of('cancel_job', state)} gives it up"
    if not state.contents.activations:
        return f"Next: {key_of('capture', state)} captures activations of the prompts."
    sae = state.sae_info()
    if sae is None:
        return f"Next: {key_of('train', state)} trains an SAE on the activations."
    if not sae.scanned:
        return f"Next: {key_of('scan', state)} scans {sae.name} for its features."
    if state.report is None:
        pane, clamp = key_of("pane_2", state), key_of("clamp", state)
        return f"Next: choose a feature in pane {pane}, {clamp} clamps it."
    return "no job runs"


def after(spec: JobSpec, state: State) -> str:
    """When a job has ended well."""
    match spec:
        case Capture():
            return f"{key_of('train', state)} trains an SAE on it."
        case Train():
            return f"{key_of('scan', state)} scans it for features."
        case Sweep():
            return f"{key_of('workspace', state)} shows them beside each other."
        case Evaluate():
            return f"{key_of('workspace', state)} shows its figures."
        case Scan():
            return f"{key_of('pane_2', state)} shows them."
        case _:
            return ""

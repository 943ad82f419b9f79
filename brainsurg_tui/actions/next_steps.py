"""What could be done next, said wherever there is nothing to be seen; with the keys that do it."""

from brainsurg_tui.actions.registry import key_of
from brainsurg_tui.state.state import State
from engine.service.protocol import (
    Capture,
    Evaluate,
    ImportSAE,
    JobInfo,
    JobSpec,
    Probe,
    Progressed,
    Scan,
    Sweep,
    Train,
)

NOWHERE = "It is active nowhere in the scanned text."
NO_EXAMPLE = "There is no example of that kind."


def waiting(progress: Progressed) -> str:
    """What is being done while a question waits for its answer, and where it is known, how much."""
    if not progress.total:
        return f"{progress.phase} …"
    return f"{progress.phase} {progress.done}/{progress.total} …"


def for_prompts(state: State) -> str:
    """What a prompts pane without prompts says."""
    if state.connection != "connected":
        return ""
    return f"No prompts yet - press {key_of('add', state)} to add one."


def for_features(state: State) -> str:
    """What a features pane without features says."""
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
    """What a snippets pane says while no feature is selected."""
    return f"Choose a feature in pane {key_of('pane_2', state)}." if state.table else ""


def for_a_feature_without_notes(state: State) -> str:
    """What a detail says where nothing was written down about the feature."""
    keys = {id: key_of(id, state) for id in ("label", "tags", "star", "note")}
    return (
        f"{keys['label']} names it, {keys['tags']} tags it, {keys['star']} puts a star on it, "
        f"{keys['note']} adds a note"
    )


def for_findings(state: State) -> str:
    """What findings say that are awaited, or empty."""
    if state.search.progress is not None:
        return f"{waiting(state.search.progress)} {key_of('cancel_job', state)} gives up"
    if state.search.results is None:
        return (
            f"Nothing was searched for yet: {key_of('firing', state)} in the prompts, "
            f"or {key_of('grep', state)} at a feature."
        )
    return "Nothing was found."


def for_clamp(state: State) -> str:
    """What a clamp pane without a report says."""
    clamp = key_of("clamp", state)
    if state.clamp.progress is not None:
        return "Clamping …"
    if state.connection != "connected":
        return ""
    if state.clamp.draft.edits:
        return f"Press {clamp} to run the clamp."
    if state.table is None:
        return "Nothing to clamp yet: features come first."
    return (
        f"Nothing clamped yet - choose a feature in pane {key_of('pane_2', state)}, press {clamp}; "
        f"{key_of('earlier_clamps', state)} here opens an earlier report."
    )


def for_loss(state: State) -> str:
    """What a loss pane without a training says."""
    if state.connection != "connected":
        return ""
    if state.contents.activations:
        return f"No training yet - press {key_of('train', state)} to train an SAE."
    return f"No training yet - press {key_of('capture', state)} to capture activations first."


def for_jobs(state: State) -> str:
    """What a jobs pane without jobs says."""
    if state.connection != "connected":
        return ""
    return f"Nothing was done yet - press {key_of('capture', state)} to capture activations."


def for_job_line(state: State) -> str:
    """What the job line says while no job runs: what is awaited, or the next step."""
    if state.connection == "connecting":
        return "connecting to the engine …"
    if state.connection == "lost":
        return "The engine is gone; trying to reach it again …"
    if state.clamp.progress is not None:
        progress = state.clamp.progress
        so_far = f" {progress.done} of {progress.total} {progress.unit}" if progress.total else ""
        return f"Clamping{so_far} - {key_of('cancel_job', state)} gives it up"
    if state.search.progress is not None:
        return f"Searching for features - {key_of('cancel_job', state)} gives it up"
    last = next(reversed(state.jobs.by_id.values()), None)
    failure = "" if last is None else for_a_failed_job(last, state)
    return " ".join(filter(None, (failure, _next(state)))) or "no job runs"


def for_a_failed_job(job: JobInfo, state: State) -> str:
    """Where to read why a job failed; nothing of another."""
    if job.state != "failed":
        return ""
    return f"Job {job.id} failed, pane {key_of('pane_6', state)} says why."


def _next(state: State) -> str:
    """The step of the chain that comes next; nothing after the last."""
    sae = state.sae_info()
    if not state.contents.activations and sae is None:
        return f"Next: {key_of('capture', state)} captures activations of the prompts."
    if sae is None:
        return f"Next: {key_of('train', state)} trains an SAE on the activations."
    if not sae.scanned and not state.sets_for(sae):
        return (
            f"Next: {key_of('capture', state)} captures {sae.site or 'activations'} for {sae.name}."
        )
    if not sae.scanned:
        return f"Next: {key_of('scan', state)} scans {state.sae_to_scan()} for its features."
    if state.clamp.report is None:
        pane, clamp = key_of("pane_2", state), key_of("clamp", state)
        return f"Next: choose a feature in pane {pane}, {clamp} clamps it."
    return ""


def after(spec: JobSpec, state: State) -> str:
    """What the user is told to do next when a job has ended well."""
    match spec:
        case Capture():
            return f"{key_of('train', state)} trains an SAE on it."
        case Train():
            return f"{key_of('scan', state)} scans it for features."
        case ImportSAE(name=name):
            imported = next((sae for sae in state.contents.saes if sae.name == name), None)
            if imported is None or state.sets_for(imported):
                return f"{key_of('scan', state)} scans it for features."
            return f"{key_of('capture', state)} captures activations to scan it over."
        case Sweep():
            return f"{key_of('workspace', state)} shows them beside each other."
        case Evaluate():
            return f"{key_of('workspace', state)} shows its figures."
        case Scan():
            return f"{key_of('pane_2', state)} shows them."
        case Probe():
            pane, key = key_of("pane_6", state), key_of("probed_features", state)
            return f"{key} in pane {pane} shows the features."
        case _:
            return ""

"""The command that repeats an intervention (no torch here)."""

import shlex

import msgspec

from engine.interventions.notation import format_edit
from engine.interventions.spec import ClampRequest, FeatureEdit


def reproduce(request: ClampRequest) -> str:
    """The `brainsurg clamp` line of a request, quoted for a shell.

    Every setting is spelled out, defaults too, so that it goes on meaning what it means today.
    """
    words = ["brainsurg", "clamp", request.sae, *_edits(request.edits)]
    if request.prompt_file:
        words += ["--prompts", request.prompt_file]
    else:
        for prompt in request.prompts:
            # A prompt that begins with a dash would be read as a flag if it stood by itself.
            words += [f"--prompt={prompt}"] if prompt.startswith("-") else ["--prompt", prompt]
    first, end = request.positions
    words += ["--positions", f"{first}:{'' if end is None else end}"]
    words += ["--generate", str(request.generate), "--nulls", str(request.nulls)]
    words += ["--seed", str(request.seed), "--view", request.view]
    if request.chat:
        words.append("--chat")
    if request.model is not None:
        words += ["--model", request.model]
    return shlex.join(words)


def _edits(edits: list[FeatureEdit]) -> list[str]:
    """The flags that say what is done: one for all features where there is one."""
    one = edits[0]
    same = all(msgspec.structs.replace(edit, feature=one.feature) == one for edit in edits)
    features = [word for edit in edits for word in ("--feature", str(edit.feature))]
    match one.operation, one.unit:
        case _ if not same:
            pass
        case "clamp", "absolute":
            return [*features, f"--value={one.value!r}"]
        case "clamp", "max":
            return [*features, f"--times-max={one.value!r}"]
        case "ablate", _:
            return [*features, "--ablate"]
        case "scale", _:
            return [*features, f"--scale={one.value!r}"]
        case "add", "max":
            return [*features, f"--add={one.value!r}"]
    return [f"--edit={format_edit(edit)}" for edit in edits]

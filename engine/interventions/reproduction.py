"""The command that repeats an intervention (no torch here)."""

import shlex

import msgspec

from engine.interventions.notation import format_edit
from engine.interventions.operations import find_operation
from engine.interventions.spec import ClampRequest, FeatureEdit
from engine.model.dtypes import AUTO
from engine.model.prompt import Chat, ChatChoice, text_of


def reproduction_command(request: ClampRequest) -> str:
    """The `brainsurg clamp` line of a request, quoted for a shell.

    Every setting is spelled out, defaults too, so that it goes on meaning what it means today.
    """
    words = ["brainsurg", "clamp", request.sae, *_edits(request.edits)]
    if request.prompt_file:
        words += ["--prompts", request.prompt_file]
    else:
        for prompt in map(text_of, request.prompts):
            # A prompt that begins with a dash would be read as a flag if it stood by itself.
            words += [f"--prompt={prompt}"] if prompt.startswith("-") else ["--prompt", prompt]
    first, end = request.positions
    words += ["--positions", f"{first}:{'' if end is None else end}"]
    words += ["--generate", str(request.generate), "--nulls", str(request.nulls)]
    words += ["--null", request.null] if request.null != "matched" else []
    words += ["--most-nulls", str(request.most_nulls)] if request.most_nulls else []
    words += [word for measure in request.measures for word in ("--measure", measure)]
    if request.strengths:
        words.append("--strengths=" + ",".join(map(repr, request.strengths)))
    words += ["--seed", str(request.seed), "--view", request.view]
    words += _chat(request.chat)
    if request.model is not None:
        words += ["--model", request.model]
    if request.model_dtype != AUTO:
        words += ["--model-dtype", request.model_dtype]
    if request.quantize != AUTO:
        words += ["--quantize", request.quantize]
    if request.device_map:
        words += ["--device-map", request.device_map]
    return shlex.join(words)


def _chat(chat: ChatChoice) -> list[str]:
    """The flags that put prompts into a chat template."""
    words = ["--chat"] if chat else []
    if isinstance(chat, Chat):
        words += ["--chat-template", chat.template] if chat.template else []
        words += [f"--system={chat.system}"] if chat.system else []
    return words


def _edits(edits: list[FeatureEdit]) -> list[str]:
    """The flags that name features and operations: one for all where one can say it."""
    one = edits[0]
    same = all(msgspec.structs.replace(edit, feature=one.feature) == one for edit in edits)
    features = [word for edit in edits for word in ("--feature", str(edit.feature))]
    operation = find_operation(one.operation)
    for flag in operation.flags if same else ():
        if flag.unit == one.unit or not operation.has_unit:
            option = f"--{flag.name.replace('_', '-')}"
            value = "" if operation.takes == "nothing" else f"={one.value!r}"
            return [*features, f"{option}{value}"]
    return [f"--edit={format_edit(edit)}" for edit in edits]

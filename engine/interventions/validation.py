"""Requests that can't be carried out (no torch here)."""

import math
from pathlib import Path
from typing import TypeVar

import msgspec

from engine.activations.corpus import read_prompts
from engine.errors import UserError
from engine.features.validation import check_feature
from engine.interventions.measure_notation import parse_measure
from engine.interventions.spec import ClampRequest, InterventionRequest
from engine.interventions.strengths import check_strengths

Asked = TypeVar("Asked", bound=InterventionRequest)


def with_prompts(request: Asked) -> Asked:
    """The request with the prompts of its file, where it has none of its own. Raises UserError for
    a file that can't be read."""
    if request.prompts or not request.prompt_file:
        return request
    return msgspec.structs.replace(request, prompts=read_prompts(Path(request.prompt_file)))


def check_request(request: ClampRequest, d_sae: int) -> None:
    """Raise UserError for a request that can't be carried out on an SAE of `d_sae` features."""
    if not request.prompts:
        raise UserError("There is no prompt to try the edit on.", "Give at least one.")
    if not request.edits:
        raise UserError("No feature is to be changed.", "Name at least one.")
    features = [edit.feature for edit in request.edits]
    for edit in request.edits:
        check_feature(edit.feature, d_sae, request.sae)
        if features.count(edit.feature) > 1:
            raise UserError(f"Feature {edit.feature} is to be changed twice.", "Change it once.")
        if not math.isfinite(edit.value):
            raise UserError(
                f"{edit.value} can't be an activation of feature {edit.feature}.",
                "Give a finite number.",
            )
    check_strengths(request.strengths, request.edits)
    for measure in request.measures:
        parse_measure(measure)
    if request.nulls < 0 or request.most_nulls < 0 or request.generate < 0:
        raise UserError("The number of nulls and of generated tokens can't be negative.")
    first, end = request.positions
    if first < 0 or (end is not None and end <= first):
        raise UserError(
            f"Positions {first}:{'' if end is None else end} hold no token.",
            "Count from 0; A:B takes A and leaves B out.",
        )

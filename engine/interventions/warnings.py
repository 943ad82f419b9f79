"""What a reader should know before believing a report (no torch here)."""

from collections.abc import Sequence

from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.spec import ClampRequest, EditedPrompt

OFF_DISTRIBUTION = 0.5
"""Edits longer than this share of what they change get a warning. The bound is ours: one feature
among the dozens of a sparse code rarely makes up half of an activation."""


def scan_warnings(request: ClampRequest, catalogue: Catalogue) -> list[str]:
    """What a reader of either view should be warned of in the scan: edited features that are never
    active in its corpus, and that it knows no attention sinks."""
    found = [
        f"Feature {edit.feature} is never active in {catalogue.manifest.activations}: "
        "its maximum is 0, and no live feature is like it."
        for edit in request.edits
        if catalogue.columns["max"][edit.feature] == 0
    ]
    if catalogue.manifest.row_summary is None:
        found.append(
            "The scan is older than the search for attention sinks: none is left out. Scan the SAE"
            " again."
        )
    return found


def report_warnings(
    request: ClampRequest, catalogue: Catalogue, prompts: Sequence[EditedPrompt], nulls: int
) -> list[str]:
    """All that a reader of a model view should be warned of, a sentence each."""
    found = scan_warnings(request, catalogue)
    if nulls < request.nulls:
        found.append(f"Only {nulls} of {request.nulls} nulls could be matched.")
    untouched = sum(prompt.edited_tokens == 0 for prompt in prompts)
    if untouched:
        found.append(f"On {untouched} of {len(prompts)} prompts the edit touches no token.")
    longest = max(prompt.relative_norm for prompt in prompts)
    if longest > OFF_DISTRIBUTION:
        found.append(
            f"Off distribution: the edit is {longest:.2g} times as long as the activations that "
            f"it changes (warned of from {OFF_DISTRIBUTION} on)."
        )
    return found

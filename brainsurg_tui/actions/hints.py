"""Which actions the hint line shows where."""

HINTS: dict[str, tuple[str, ...]] = {
    "prompts": ("add", "edit", "firing", "capture", "palette", "help"),
    "features": ("filter", "sort_right", "label", "grep", "clamp", "help"),
    "snippets": ("weaker_examples", "stronger_examples", "wider_window", "clamp", "star", "help"),
    "clamp": ("stronger", "operation", "strengths", "form", "earlier_clamps", "help"),
    "loss": ("metric_right", "logarithmic", "freeze", "export", "zoom", "help"),
    "jobs": ("hold_job", "cancel_job", "probed_features", "train", "palette", "help"),
    "detail": ("next_part", "weaker_examples", "next_match", "label", "earlier", "help"),
    "findings": ("found_right", "found_part", "again", "label", "clamp", "help"),
}
"""Pane or sheet to the ids of its hints, in this order, as far as they can be done; each such
action has a `hint`, and help is the last."""

"""What only the pane that has the focus can do."""

from brainsurg_tui.actions.action import (
    Action,
    can_search_prompts,
    connected,
    has_edits,
    has_prompts,
)

PANES_OWN: tuple[Action, ...] = (
    Action("add", "Prompts: add", "Add a prompt.", "a", "prompts", "add", connected),
    Action(
        "edit",
        "Prompts: edit",
        "Change the prompt or its category.",
        "e",
        "prompts",
        "edit",
        has_prompts,
    ),
    Action(
        "delete",
        "Prompts: delete",
        "Delete the prompt, or the marked ones.",
        "d",
        "prompts",
        "",
        has_prompts,
    ),
    Action(
        "firing",
        "Prompts: features that fire",
        "Find the features that are active in the prompt, and what ablating them changes.",
        "f",
        "prompts",
        "find",
        can_search_prompts,
    ),
    Action(
        "contrast",
        "Prompts: contrast two",
        "Find the features that tell two prompts, or a prompt and a file, from each other.",
        "F",
        "prompts",
        "",
        can_search_prompts,
    ),
    Action(
        "operation",
        "Clamp: next operation",
        "Clamp, ablate, scale or add.",
        "o",
        "clamp",
        "operation",
        has_edits,
    ),
    Action(
        "view",
        "Clamp: other view",
        "Inside the running model, or the reconstruction alone.",
        "v",
        "clamp",
        "view",
        has_edits,
    ),
    Action(
        "form",
        "Clamp: settings",
        "Type value, unit, view, length and number of nulls.",
        "f",
        "clamp",
        "settings",
        has_edits,
    ),
    Action("metric_right", "Loss: next metric", "Draw the next metric.", ">", "loss", "metric"),
    Action("metric_left", "Loss: previous metric", "Draw the metric before.", "<", "loss"),
    Action(
        "logarithmic",
        "Loss: logarithmic",
        "Draw on a logarithmic axis, or a linear one.",
        "L",
        "loss",
        "log",
    ),
    Action(
        "freeze", "Loss: freeze", "Hold the chart still, or let it go on.", "p", "loss", "freeze"
    ),
)

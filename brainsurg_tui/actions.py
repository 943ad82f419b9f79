"""Everything that can be done, in one list.

Key bindings, the palette, the help screen and the hint line are all made from it, and the keys of
the configuration are looked up in it by id. What is done is in `wishes`, for what the app does;
else it is the method `action_<id>` of the workbench or of a pane, without the digit at its end.
"""

from textual.binding import Binding, BindingType

from brainsurg_tui.action import (
    Action,
    can_hold,
    connected,
    has_activations,
    has_edits,
    has_feature,
    has_features,
    has_prompts,
    has_running_work,
    has_sae,
)
from brainsurg_tui.state import State

ACTIONS: tuple[Action, ...] = (
    # The chain
    Action(
        "capture",
        "Capture activations",
        "Run a model over prompts or text and keep what its layers compute.",
        "C",
        hint="capture",
        possible=connected,
    ),
    Action(
        "train",
        "Train an SAE",
        "Train a sparse autoencoder on an activation set.",
        "T",
        hint="train",
        possible=has_activations,
    ),
    Action(
        "scan",
        "Scan for features",
        "Find out what every feature of an SAE answers to.",
        "S",
        possible=has_sae,
    ),
    Action(
        "clamp",
        "Clamp the feature",
        "Hold the selected or marked features at a value inside the model; see what changes.",
        "c",
        hint="clamp",
        possible=has_feature,
    ),
    Action(
        "import_activations",
        "Import activations",
        "Read a folder of activations_0.pt, activations_1.pt … and metadata.json.",
        "I",
        possible=connected,
    ),
    Action(
        "export_activations",
        "Export activations",
        "Write an activation set as activations_0.pt … and metadata.json.",
        "O",
        possible=has_activations,
    ),
    Action(
        "workspace",
        "Look around the workspace",
        "Activation sets with their figures, and SAEs: choose one to work with, or delete.",
        "w",
        possible=connected,
    ),
    # The trial
    Action(
        "stronger",
        "Clamp stronger",
        "Raise the strength of the edit by a step.",
        "+",
        hint="stronger",
        possible=has_edits,
    ),
    Action(
        "weaker",
        "Clamp weaker",
        "Lower the strength of the edit by a step, through zero to its opposite.",
        "-",
        possible=has_edits,
    ),
    Action("zero", "Clamp at zero", "Hold the feature at zero.", "0", possible=has_edits),
    Action(
        "remove",
        "Remove the last edit",
        "Take the feature that was added last out of the clamp.",
        "x",
        possible=has_edits,
    ),
    # Undo
    Action(
        "undo",
        "Undo",
        "Take back the last change of a prompt or a label.",
        "u",
        possible=lambda state: connected(state) and bool(state.undo),
    ),
    Action(
        "redo",
        "Redo",
        "Do again what was undone.",
        "ctrl+r",
        possible=lambda state: connected(state) and bool(state.redo),
    ),
    # Jobs
    Action(
        "cancel_job",
        "Cancel the job",
        "Stop the job chosen in the jobs pane or the running one, after asking; or the clamp.",
        "X",
        hint="cancel",
        possible=has_running_work,
    ),
    Action(
        "hold_job",
        "Pause or resume the job",
        "Hold the job between two steps, or let it go on; also a training that was interrupted.",
        "P",
        hint="pause",
        possible=can_hold,
    ),
    # The program
    Action("help", "Help", "All keys that work here and now.", "?,f1", hint="help"),
    Action(
        "palette", "Command palette", "Find any action by its name.", ":,ctrl+p", hint="command"
    ),
    Action("messages", "Messages", "What went wrong, with every detail.", "m"),
    Action("theme", "Choose a theme", "Colours, also the terminal's own."),
    Action("picture", "Save a picture of the screen", "Write the screen as an SVG file."),
    Action("quit", "Quit", "Leave; a running job is asked about.", "q,ctrl+q"),
    # The workbench
    Action("pane_1", "Go to Prompts", "Show and focus the prompts.", "1", "bench"),
    Action("pane_2", "Go to Features", "Show and focus the features.", "2", "bench"),
    Action("pane_3", "Go to Snippets", "Show and focus the snippets.", "3", "bench"),
    Action("pane_4", "Go to Clamp", "Show and focus the clamp.", "4", "bench"),
    Action("pane_5", "Go to Loss", "Show and focus the loss curve.", "5", "bench"),
    Action("pane_6", "Go to Jobs", "Show and focus the jobs.", "6", "bench"),
    Action("next_pane", "Next pane", "Focus the pane after this one.", "tab", "bench"),
    Action("previous_pane", "Previous pane", "Focus the pane before.", "shift+tab", "bench"),
    Action("jump", "Jump", "Put a letter on everything that can be focused.", "ctrl+o", "bench"),
    Action(
        "zoom", "Zoom the pane", "Give the pane the whole screen, or less.", "z", "bench", "zoom"
    ),
    Action("wider", "Wider column", "Give the column of this pane more width.", "}", "bench"),
    Action("narrower", "Narrower column", "Give the column of this pane less width.", "{", "bench"),
    Action("taller", "Taller pane", "Give this pane more of its column.", ")", "bench"),
    Action("shorter", "Shorter pane", "Give this pane less of its column.", "(", "bench"),
    Action(
        "filter",
        "Filter",
        "Keep the rows that match a regular expression; ! before it inverts.",
        "/",
        "bench",
        "filter",
    ),
    Action(
        "next_match", "Next match", "Go to the next row of what the filter found.", "n", "bench"
    ),
    Action("previous_match", "Previous match", "Go to the one before.", "N", "bench"),
    Action(
        "back",
        "Back",
        "Clear the filter, then the zoom, then go to the pane before.",
        "escape",
        "bench",
    ),
    Action(
        "copy",
        "Copy",
        "Copy the row or text to the clipboard, also over SSH, and to a file.",
        "y",
        "bench",
    ),
    Action(
        "export",
        "Export",
        "Write what the pane shows as files: JSON, CSV, SVG.",
        "e",
        "bench",
        "export",
    ),
    # Panes
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
        "delete",
        has_prompts,
    ),
    Action(
        "sort_right",
        "Features: sort by the next column",
        "Sort by the column to the right.",
        ">",
        "features",
        "sort",
        has_features,
    ),
    Action(
        "sort_left",
        "Features: sort by the previous column",
        "Sort by the column to the left.",
        "<",
        "features",
        "",
        has_features,
    ),
    Action(
        "reverse", "Features: reverse", "Turn the order around.", "r", "features", "", has_features
    ),
    Action("label", "Features: label", "Name the feature.", "l", "features", "label", has_feature),
    Action(
        "earlier",
        "Snippets: feature before",
        "Back to the feature looked at before.",
        "[",
        "snippets",
        "before",
        has_feature,
    ),
    Action(
        "later", "Snippets: feature after", "Forward again.", "]", "snippets", "after", has_feature
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

HINTS: dict[str, tuple[str, ...]] = {
    "prompts": ("add", "edit", "delete", "capture", "palette", "help"),
    "features": ("filter", "sort_right", "label", "clamp", "palette", "help"),
    "snippets": ("earlier", "later", "clamp", "zoom", "palette", "help"),
    "clamp": ("stronger", "operation", "view", "form", "export", "help"),
    "loss": ("metric_right", "logarithmic", "freeze", "export", "zoom", "help"),
    "jobs": ("hold_job", "cancel_job", "train", "zoom", "palette", "help"),
}
"""Pane to what its hint line shows, in this order, as far as it can be done."""

BY_ID = {action.id: action for action in ACTIONS}


def bindings(home: str) -> list[BindingType]:
    """The key bindings of the app, the workbench or a pane."""
    return [
        Binding(
            action.keys,
            action.call,
            action.title,
            show=False,
            tooltip=action.help,
            id=action.id,
        )
        for action in ACTIONS
        if action.home == home and action.keys
    ]


def key_of(id: str, state: State) -> str:
    """The first key of an action, as the user set it."""
    return state.keys.get(id, BY_ID[id].keys).split(",")[0]


def possible(name: str, state: State) -> bool:
    """Whether the action method `name` may be called now; what the list does not know, may."""
    action = BY_ID.get(name)
    return action is None or action.possible(state)

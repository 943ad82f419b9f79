"""What is done with the model, the SAE and the jobs, wherever one stands."""

from brainsurg_tui.actions.action import (
    Action,
    can_hold,
    can_redo,
    can_undo,
    connected,
    has_activations,
    has_edits,
    has_feature,
    has_running_work,
    has_sae,
)

WORK: tuple[Action, ...] = (
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
    # The clamp draft
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
        possible=can_undo,
    ),
    Action(
        "redo",
        "Redo",
        "Do again what was undone.",
        "ctrl+r",
        possible=can_redo,
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
        "Hold the job between two steps, or let it go on; in its pane also one that was stopped.",
        "P",
        hint="pause, resume",
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
)

"""Where one goes and what is seen, and what every pane does in its own way."""

from brainsurg_tui.actions.action import Action

BENCH: tuple[Action, ...] = (
    Action("pane_1", "Go to Prompts", "Show and focus the prompts.", "1", "bench"),
    Action("pane_2", "Go to Features", "Show and focus the features.", "2", "bench"),
    Action("pane_3", "Go to Snippets", "Show and focus the snippets.", "3", "bench"),
    Action("pane_4", "Go to Clamp", "Show and focus the clamp.", "4", "bench"),
    Action("pane_5", "Go to Loss", "Show and focus the loss curve.", "5", "bench"),
    Action("pane_6", "Go to Jobs", "Show and focus the jobs.", "6", "bench"),
    Action("findings", "Go to Findings", "Show what the last search found.", "7", "bench"),
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
        "Keep the rows that match a regular expression; ! before it inverts. Features are filtered "
        "by expressions: max > 5 and density < 0.01, label ~ city, starred, snippet ~ Paris.",
        "/",
        "bench",
        "filter",
    ),
    Action(
        "next_match",
        "Next match",
        "Go to the next row of what the filter found; in a detail to the next feature.",
        "n",
        "bench",
        "next",
    ),
    Action("previous_match", "Previous match", "Go to the one before.", "N", "bench"),
    Action(
        "back",
        "Back",
        "Clear the filter, then leave the sheet or the zoom, then go to the pane before.",
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
)

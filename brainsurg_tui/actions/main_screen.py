"""Where one goes and what is seen, and what every pane does in its own way."""

from brainsurg_tui.actions.action import Action

MAIN_SCREEN: tuple[Action, ...] = (
    Action("pane_1", "Go to Prompts", "Show and focus the prompts.", "1", "main"),
    Action("pane_2", "Go to Features", "Show and focus the features.", "2", "main"),
    Action("pane_3", "Go to Snippets", "Show and focus the snippets.", "3", "main"),
    Action("pane_4", "Go to Clamp", "Show and focus the clamp.", "4", "main"),
    Action("pane_5", "Go to Loss", "Show and focus the loss curve.", "5", "main"),
    Action("pane_6", "Go to Jobs", "Show and focus the jobs.", "6", "main"),
    Action("findings", "Go to Findings", "Show what the last search found.", "7", "main"),
    Action("next_pane", "Next pane", "Focus the pane after this one.", "tab", "main"),
    Action("previous_pane", "Previous pane", "Focus the pane before.", "shift+tab", "main"),
    Action("jump", "Jump", "Put a letter on everything that can be focused.", "ctrl+o", "main"),
    Action(
        "zoom", "Zoom the pane", "Give the pane the whole screen, or less.", "z", "main", "zoom"
    ),
    Action("wider", "Wider column", "Give the column of this pane more width.", "}", "main"),
    Action("narrower", "Narrower column", "Give the column of this pane less width.", "{", "main"),
    Action("taller", "Taller pane", "Give this pane more of its column.", ")", "main"),
    Action("shorter", "Shorter pane", "Give this pane less of its column.", "(", "main"),
    Action(
        "filter",
        "Filter",
        "Keep the rows that match a regular expression; ! before it inverts. Features are filtered "
        "by expressions: max > 5 and density < 0.01, label ~ city, starred, snippet ~ Paris.",
        "/",
        "main",
        "filter",
    ),
    Action(
        "next_match",
        "Next match",
        "Go to the next row of what the filter found; in a detail to the next feature.",
        "n",
        "main",
        "next",
    ),
    Action("previous_match", "Previous match", "Go to the one before.", "N", "main"),
    Action(
        "back",
        "Back",
        "Clear the filter, then leave the sheet or the zoom, then go to the pane before.",
        "escape",
        "main",
    ),
    Action(
        "copy",
        "Copy",
        "Copy the row or text to the clipboard, also over SSH, and to a file.",
        "y",
        "main",
    ),
    Action(
        "export",
        "Export",
        "Write what the pane shows as files: JSON, CSV, SVG.",
        "e",
        "main",
        "export",
    ),
)

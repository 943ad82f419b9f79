"""Action id to what the app does for it; the other actions are methods of a pane or screen."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery

COMMANDS: "Mapping[str, Callable[[BrainSurgery], None]]" = {
    "capture": lambda app: app.controllers.capture.capture(),
    "train": lambda app: app.controllers.train.train(),
    "scan": lambda app: app.controllers.train.scan(),
    "import_activations": lambda app: app.controllers.exchange.import_activations(),
    "export_activations": lambda app: app.controllers.exchange.export_activations(),
    "workspace": lambda app: app.controllers.contents.look_around(),
    "clamp": lambda app: app.controllers.clamp.clamp(),
    "stronger": lambda app: app.controllers.clamp.change(app.state.clamp_draft.stronger(1)),
    "weaker": lambda app: app.controllers.clamp.change(app.state.clamp_draft.stronger(-1)),
    "zero": lambda app: app.controllers.clamp.change(app.state.clamp_draft.zero()),
    "remove": lambda app: app.controllers.clamp.change(app.state.clamp_draft.without_last()),
    "operation": lambda app: app.controllers.clamp.change(app.state.clamp_draft.next_operation()),
    "view": lambda app: app.controllers.clamp.change(app.state.clamp_draft.other_view()),
    "form": lambda app: app.controllers.clamp.settings(),
    "detail": lambda app: app.controllers.feature_view.open(),
    "earlier": lambda app: app.controllers.features.visit(-1),
    "later": lambda app: app.controllers.features.visit(1),
    "weaker_examples": lambda app: app.controllers.feature_view.step(1),
    "stronger_examples": lambda app: app.controllers.feature_view.step(-1),
    "wider_window": lambda app: app.controllers.feature_view.stretch(1.5),
    "narrower_window": lambda app: app.controllers.feature_view.stretch(1 / 1.5),
    "other_sae": lambda app: app.controllers.relatives.choose_sae(),
    "label": lambda app: app.controllers.annotations.label(),
    "tags": lambda app: app.controllers.annotations.tags(),
    "star": lambda app: app.controllers.annotations.star(),
    "note": lambda app: app.controllers.annotations.note(),
    "unlabelled": lambda app: app.controllers.annotations.next_unlabelled(),
    "firing": lambda app: app.controllers.search.firing(),
    "contrast": lambda app: app.controllers.search.contrast(),
    "grep": lambda app: app.controllers.search.grep(),
    "again": lambda app: app.controllers.search.again(),
    "undo": lambda app: app.controllers.contents.undo(),
    "redo": lambda app: app.controllers.contents.redo(),
    "cancel_job": lambda app: app.controllers.jobs.cancel_work(),
    "hold_job": lambda app: app.controllers.jobs.hold(),
    "copy": lambda app: app.controllers.files.copy(app.main.pane.copied()),
    "export": lambda app: app.controllers.files.export(app.main.pane.exported()),
    "picture": lambda app: app.controllers.files.picture(),
    "help": lambda app: app.controllers.program.help(),
    "palette": lambda app: app.controllers.program.palette(),
    "messages": lambda app: app.controllers.program.messages(),
    "theme": lambda app: app.search_themes(),
    "quit": lambda app: app.controllers.program.quit(),
}

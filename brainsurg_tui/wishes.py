"""Action id to what the app does for it; all other actions are done by the pane or workbench."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery

WISHES: "Mapping[str, Callable[[BrainSurgery], None]]" = {
    "capture": lambda app: app.desks.capturing.capture(),
    "train": lambda app: app.desks.training.train(),
    "scan": lambda app: app.desks.training.scan(),
    "import_activations": lambda app: app.desks.exchange.import_activations(),
    "export_activations": lambda app: app.desks.exchange.export_activations(),
    "workspace": lambda app: app.desks.contents.look_around(),
    "clamp": lambda app: app.desks.clamping.clamp(),
    "stronger": lambda app: app.desks.clamping.change(app.state.trial.stronger(1)),
    "weaker": lambda app: app.desks.clamping.change(app.state.trial.stronger(-1)),
    "zero": lambda app: app.desks.clamping.change(app.state.trial.zero()),
    "remove": lambda app: app.desks.clamping.change(app.state.trial.without_last()),
    "operation": lambda app: app.desks.clamping.change(app.state.trial.next_operation()),
    "view": lambda app: app.desks.clamping.change(app.state.trial.other_view()),
    "form": lambda app: app.desks.clamping.settings(),
    "detail": lambda app: app.desks.looking.open(),
    "earlier": lambda app: app.desks.features.visit(-1),
    "later": lambda app: app.desks.features.visit(1),
    "weaker_examples": lambda app: app.desks.looking.step(1),
    "stronger_examples": lambda app: app.desks.looking.step(-1),
    "wider_window": lambda app: app.desks.looking.stretch(1.5),
    "narrower_window": lambda app: app.desks.looking.stretch(1 / 1.5),
    "other_sae": lambda app: app.desks.relatives.choose_sae(),
    "label": lambda app: app.desks.keeping.label(),
    "tags": lambda app: app.desks.keeping.tags(),
    "star": lambda app: app.desks.keeping.star(),
    "note": lambda app: app.desks.keeping.note(),
    "unlabelled": lambda app: app.desks.keeping.next_unlabelled(),
    "firing": lambda app: app.desks.finding.firing(),
    "contrast": lambda app: app.desks.finding.contrast(),
    "grep": lambda app: app.desks.finding.grep(),
    "again": lambda app: app.desks.finding.again(),
    "undo": lambda app: app.desks.contents.undo(),
    "redo": lambda app: app.desks.contents.redo(),
    "cancel_job": lambda app: app.desks.jobs.cancel_work(),
    "hold_job": lambda app: app.desks.jobs.hold(),
    "copy": lambda app: app.desks.files.copy(app.bench.pane.copied()),
    "export": lambda app: app.desks.files.export(app.bench.pane.exported()),
    "picture": lambda app: app.desks.files.picture(),
    "help": lambda app: app.desks.program.help(),
    "palette": lambda app: app.desks.program.palette(),
    "messages": lambda app: app.desks.program.messages(),
    "theme": lambda app: app.search_themes(),
    "quit": lambda app: app.desks.program.quit(),
}

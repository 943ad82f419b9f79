"""What only the pane that has the focus can do."""

from brainsurg_tui.actions.action import Action
from brainsurg_tui.actions.needs import EDITS, ENGINE, PROBE_RESULT, PROMPTS_AND_SAE
from brainsurg_tui.actions.needs import PROMPTS as SOME_PROMPTS

PROMPTS: tuple[Action, ...] = (
    Action(
        "add",
        "Prompts: add",
        "Add a prompt.",
        run=lambda app: app.controllers.prompts.edit(None),
        keys="a",
        home="prompts",
        hint="add",
        needs=ENGINE,
    ),
    Action(
        "edit",
        "Prompts: edit",
        "Change the prompt or its category.",
        run=lambda app: app.main.prompts.edit(),
        keys="e",
        home="prompts",
        hint="edit",
        needs=SOME_PROMPTS,
    ),
    Action(
        "delete",
        "Prompts: delete",
        "Delete the prompt, or the marked ones.",
        run=lambda app: app.main.prompts.delete(),
        keys="d",
        home="prompts",
        needs=SOME_PROMPTS,
    ),
    Action(
        "firing",
        "Prompts: features that fire",
        "Find the features that are active in the prompt, and what ablating them changes.",
        run=lambda app: app.controllers.search.firing(),
        keys="f",
        home="prompts",
        hint="find",
        needs=PROMPTS_AND_SAE,
    ),
    Action(
        "contrast",
        "Prompts: contrast two",
        "Find the features that tell two prompts, or a prompt and a file, from each other.",
        run=lambda app: app.controllers.search.contrast(),
        keys="F",
        home="prompts",
        needs=PROMPTS_AND_SAE,
    ),
)

CLAMP: tuple[Action, ...] = (
    Action(
        "operation",
        "Clamp: next operation",
        "Clamp, ablate, scale or add.",
        run=lambda app: app.controllers.clamp.change(app.state.clamp.draft.next_operation()),
        keys="o",
        home="clamp",
        hint="operation",
        needs=EDITS,
    ),
    Action(
        "view",
        "Clamp: other view",
        "Inside the running model, or the reconstruction alone.",
        run=lambda app: app.controllers.clamp.change(app.state.clamp.draft.other_view()),
        keys="v",
        home="clamp",
        needs=EDITS,
    ),
    Action(
        "strengths",
        "Clamp: curve over strengths",
        "Draw the effect from -2 to 10 times the maximum beside its nulls, or no more.",
        run=lambda app: app.controllers.clamp.change(app.state.clamp.draft.with_curve()),
        keys="s",
        home="clamp",
        hint="strengths",
        needs=EDITS,
    ),
    Action(
        "form",
        "Clamp: settings",
        "Type value, unit, view, length, what is measured and what it is compared with.",
        run=lambda app: app.controllers.clamp.settings(),
        keys="f",
        home="clamp",
        hint="settings",
        needs=EDITS,
    ),
    Action(
        "earlier_clamps",
        "Clamp: earlier reports",
        "Open a report that the workspace keeps, or delete it.",
        run=lambda app: app.controllers.clamp.list_earlier(),
        keys="r",
        home="clamp",
        hint="earlier",
        needs=ENGINE,
    ),
)

LOSS: tuple[Action, ...] = (
    Action(
        "metric_right",
        "Loss: next metric",
        "Draw the next metric.",
        run=lambda app: app.main.loss.turn_metric(1),
        keys=">",
        home="loss",
        hint="metric",
    ),
    Action(
        "metric_left",
        "Loss: previous metric",
        "Draw the metric before.",
        run=lambda app: app.main.loss.turn_metric(-1),
        keys="<",
        home="loss",
    ),
    Action(
        "logarithmic",
        "Loss: logarithmic",
        "Draw on a logarithmic axis, or a linear one.",
        run=lambda app: app.main.loss.toggle_logarithmic(),
        keys="L",
        home="loss",
        hint="log",
    ),
    Action(
        "freeze",
        "Loss: freeze",
        "Hold the chart still, or let it go on.",
        run=lambda app: app.main.loss.toggle_freeze(),
        keys="p",
        home="loss",
        hint="freeze",
    ),
)

JOBS: tuple[Action, ...] = (
    Action(
        "probed_features",
        "Jobs: features of the probe",
        "Show the features that tell the labels, as findings.",
        run=lambda app: app.controllers.probe.show_chosen(),
        keys="f",
        home="jobs",
        hint="features",
        needs=PROBE_RESULT,
    ),
)

PANES = (*PROMPTS, *CLAMP, *LOSS, *JOBS)

"""The sub-commands, in the order in which data flows.

A command is a file here and a line in `COMMANDS`; a kind of job that needs no file of its own is
`kinds:` and its tag. A kind without a line is a command, too, below the others.
"""

from cyclopts import App, Group

COMMANDS: dict[str, dict[str, str]] = {
    "Begin here": {"demo": "demo:demo", "fetch": "fetch:fetch"},
    "Activations": {
        "sites": "sites:sites",
        "capture": "capture:capture",
        "summary": "summary:summary",
        "import-activations": "kinds:import_activations",
        "export-activations": "kinds:export_activations",
    },
    "Autoencoders": {
        "train": "train:train",
        "sweep": "sweep:sweep",
        "evaluate": "kinds:evaluate",
        "published": "published:published",
        "import-sae": "kinds:import_sae",
        "export-sae": "kinds:export_sae",
    },
    "Features": {
        "scan": "kinds:scan",
        "features": "features:features",
        "feature": "feature:feature",
        "grep": "grep:grep",
        "find": "find:find",
        "contrast": "contrast:contrast",
        "nearest": "nearest:nearest",
        "probe": "kinds:probe",
        "label": "label:label",
        "labels": "labels:app",
        "export-features": "export_features:export_features",
    },
    "Interventions": {
        "clamp": "clamp:clamp",
        "clamps": "clamps:app",
        "screen": "screen:screen",
    },
    "Workspace": {
        "contents": "contents:contents",
        "jobs": "jobs:app",
        "engine": "engine:app",
    },
}
"""Title, name, and where the command is defined: a module of this package and a name in it."""


def add_commands(app: App) -> None:
    """Add all of them; each is imported when it is called."""
    for order, (title, commands) in enumerate(COMMANDS.items()):
        group = Group(title, sort_key=order)
        for place, (name, where) in enumerate(commands.items()):
            app.command(f"{__name__}.{where}", name=name, group=group, sort_key=place)


def add_other_kinds(app: App) -> None:
    """Add a command for each kind of job that has none, which imports all kinds."""
    from brainsurg_tui.commands.job_command import job_command
    from engine.service.protocol import registered_kinds

    group = Group("Other jobs", sort_key=len(COMMANDS))
    for name, kind in registered_kinds().items():
        if name not in app:
            app.command(job_command(kind), name=name, group=group)


def import_commands(app: App) -> None:
    """Import all commands, for what each says of itself."""
    for name in app:
        app[name]

"""The sub-commands, in the order in which data flows."""

from cyclopts import App, Group

COMMANDS: dict[str, dict[str, str]] = {
    "Begin here": {"demo": "demo:demo"},
    "Activations": {
        "sites": "sites:sites",
        "capture": "capture:capture",
        "summary": "summary:summary",
        "import-activations": "exchange_activations:import_activations",
        "export-activations": "exchange_activations:export_activations",
    },
    "Autoencoders": {
        "train": "train:train",
        "sweep": "sweep:sweep",
        "evaluate": "evaluate:evaluate",
        "import-sae": "exchange_saes:import_sae",
        "export-sae": "exchange_saes:export_sae",
    },
    "Features": {
        "scan": "scan:scan",
        "features": "features:features",
        "feature": "feature:feature",
        "grep": "grep:grep",
        "find": "find:find",
        "contrast": "contrast:contrast",
        "nearest": "nearest:nearest",
        "label": "label:label",
        "labels": "labels:app",
        "export-features": "export_features:export_features",
    },
    "Interventions": {"clamp": "clamp:clamp"},
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


def import_commands(app: App) -> None:
    """Import all of them, for what each says of itself."""
    for commands in COMMANDS.values():
        for name in commands:
            app[name]

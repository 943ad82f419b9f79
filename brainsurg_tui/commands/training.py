"""What `train` and `sweep` have in common."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from brainsurg_tui.commands.common import wrong_usage
from engine.service import protocol as p


def setting_help(field: p.KindField) -> str:
    """What a setting is; where not every architecture has it, what it is to those that do."""
    architectures = defaultdict(list)
    for architecture, words in p.takers(field.name).items():
        architectures[words.help.rstrip(".")].append(architecture)
    meanings = [f"{text} ({', '.join(names)})." for text, names in architectures.items()]
    return " ".join(meanings) or field.help


def check_start(settings: Mapping[str, Any]) -> None:
    """End the command where it is to go on and to begin anew at once."""
    if settings.get("resume") and settings.get("replace"):
        wrong_usage("--resume goes on and --replace begins anew: give one of them.")


def check_source(settings: Mapping[str, Any]) -> None:
    """End the command where there is nothing to learn from, or two things."""
    if ("activations" in settings) == ("model" in settings):
        wrong_usage("Give --activations, or --model with --site and --text or --dataset.")

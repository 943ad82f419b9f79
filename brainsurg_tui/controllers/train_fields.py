"""The fields of the training form that follow from the settings of a training.

A setting with a label is in the form, in the order of `Train`. One that not every architecture has
is there once for each of its meanings, and shows where the chosen architecture means that.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from brainsurg_tui.controllers.submit import parse_number, parse_whole_number
from brainsurg_tui.screens.form import Field
from engine.service.protocol import KindField, Train, kind_fields, takers

_RECIPE = "as its recipe says"
_OWN_PLACE = ("arch", "preset")
"""Settings with a label that stand elsewhere in the form."""


class _Meaning(NamedTuple):
    """What a setting is to some architectures."""

    name: str
    """What the form calls the field."""
    label: str
    help: str
    architectures: Collection[str] | None
    """None: all."""


def setting_fields(values: Mapping[str, str], training: type[Train] = Train) -> list[Field]:
    """The fields, holding what `values` has for them; empty ones are left to the recipe."""
    return [
        _field(setting, meaning, values.get(meaning.name, ""))
        for setting in _settings(training)
        for meaning in _meanings(setting)
    ]


def parse_settings(values: Mapping[str, str], training: type[Train] = Train) -> dict[str, Any]:
    """What was typed, as fields of `Train`; empty ones are left out. UserError for no number."""
    return {
        setting.name: _parse(values[meaning.name], setting, meaning.label)
        for setting in _settings(training)
        for meaning in _meanings(setting)
        if values[meaning.name]
    }


def _settings(training: type[Train]) -> list[KindField]:
    return [f for f in kind_fields(training) if f.setting.label and f.name not in _OWN_PLACE]


def _meanings(setting: KindField) -> list[_Meaning]:
    architectures = defaultdict(list)
    for architecture, words in takers(setting.name).items():
        architectures[words.label, words.help].append(architecture)
    if not architectures:
        return [_Meaning(setting.name, setting.setting.label, setting.help, None)]
    return [
        _Meaning(f"{setting.name}-{number}" if number else setting.name, label, help, names)
        for number, ((label, help), names) in enumerate(architectures.items())
    ]


def _field(setting: KindField, meaning: _Meaning, value: str) -> Field:
    choices = ("yes",) if setting.type is bool else tuple((setting.setting.choices or tuple)())
    return Field(
        meaning.name,
        meaning.label,
        value,
        help=meaning.help,
        choices=("", *choices) if choices else (),
        free=not choices,
        empty=_RECIPE,
        shown=lambda values: (
            meaning.architectures is None or values["arch"] in meaning.architectures
        ),
    )


def _parse(text: str, setting: KindField, label: str) -> Any:
    if setting.type is int:
        return parse_whole_number(text, label)
    if setting.type is float:
        return parse_number(text, label)
    return text == "yes" if setting.type is bool else text

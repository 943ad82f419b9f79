"""One edit as a person types it, and in a few words (no torch here).

3041=5x      clamp feature 3041 to five times its maximum
3041=0.5     clamp it to 0.5
3041=off     ablate it
3041*2       scale it by 2
3041+5x      add five times its maximum
3041+-0.5    add -0.5

The signs are those of `engine.interventions.operations`.
"""

import math
import re

from engine.errors import UserError
from engine.interventions.operations import Unit, find_operation, operations
from engine.interventions.spec import FeatureEdit


def format_edit(edit: FeatureEdit) -> str:
    """The edit in this notation; `parse_edit` gives it back."""
    operation = find_operation(edit.operation)
    if operation.takes == "nothing":
        return f"{edit.feature}{operation.sign}"
    times = "x" if edit.unit == "max" and operation.has_unit else ""
    return f"{edit.feature}{operation.sign}{edit.value!r}{times}"


def parse_edit(text: str) -> FeatureEdit:
    """The edit that was typed. Raises UserError if it is none."""
    match = re.fullmatch(r"(\d{1,18})(\D.*)", text.strip())
    if match is None:
        raise _unreadable(text)
    feature, rest = int(match[1]), match[2]
    if whole := [o for o in operations() if o.takes == "nothing" and o.sign == rest]:
        return FeatureEdit(feature=feature, operation=whole[0].name)
    signed = [o for o in operations() if o.takes != "nothing" and rest.startswith(o.sign)]
    if not signed:
        raise _unreadable(text)
    operation = max(signed, key=lambda o: len(o.sign))
    amount = rest.removeprefix(operation.sign)
    in_maxima = amount.endswith("x")
    try:
        value = float(amount.removesuffix("x"))
    except ValueError:
        raise _unreadable(text) from None
    if not math.isfinite(value) or (in_maxima and not operation.has_unit):
        raise _unreadable(text)
    unit: Unit = "max" if in_maxima else "absolute"
    return FeatureEdit(feature=feature, operation=operation.name, value=value, unit=unit)


def describe_edit(edit: FeatureEdit) -> str:
    """An edit in a few words: `10432 = 5× max`, `10432 × 0.5`, `10432 + 2`, `10432 ablated`."""
    operation = find_operation(edit.operation)
    in_maxima = edit.unit == "max" and operation.has_unit
    size = f"{abs(edit.value):g}{'× max' * in_maxima}"
    return f"{edit.feature} {operation.words(edit.value, size)}"


def _unreadable(text: str) -> UserError:
    return UserError(
        f"{text!r} is no edit.",
        "Write 3041=5x (five times its maximum), 3041=0.5, 3041=off, 3041*2 or 3041+5x.",
    )

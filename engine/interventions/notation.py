"""One edit as a person types it (no torch here).

3041=5x      clamp feature 3041 to five times its maximum
3041=0.5     clamp it to 0.5
3041=off     ablate it
3041*2       scale it by 2
3041+5x      add five times its maximum
3041+-0.5    add -0.5
"""

import math
import re

from engine.errors import UserError
from engine.interventions.spec import FeatureEdit, Operation, Unit

_SIGNS: dict[str, Operation] = {"=": "clamp", "*": "scale", "+": "add"}
_EDIT = re.compile(r"(\d{1,18})([=*+])(.+?)(x?)")


def format_edit(edit: FeatureEdit) -> str:
    """The edit in this notation; `parse_edit` gives it back."""
    if edit.operation == "ablate":
        return f"{edit.feature}=off"
    sign = next(sign for sign, operation in _SIGNS.items() if operation == edit.operation)
    times = "x" if edit.unit == "max" and edit.operation != "scale" else ""
    return f"{edit.feature}{sign}{edit.value!r}{times}"


def parse_edit(text: str) -> FeatureEdit:
    """The edit that was typed. Raises UserError if it is none."""
    match = _EDIT.fullmatch(text.strip())
    if match is None:
        raise _unreadable(text)
    feature, sign, amount, times = match.groups()
    if (sign, amount, times) == ("=", "off", ""):
        return FeatureEdit(feature=int(feature), operation="ablate")
    try:
        value = float(amount)
    except ValueError:
        raise _unreadable(text) from None
    if not math.isfinite(value) or (sign == "*" and times):
        raise _unreadable(text)
    unit: Unit = "max" if times else "absolute"
    return FeatureEdit(feature=int(feature), operation=_SIGNS[sign], value=value, unit=unit)


def _unreadable(text: str) -> UserError:
    return UserError(
        f"{text!r} is no edit.",
        "Write 3041=5x (five times its maximum), 3041=0.5, 3041=off, 3041*2 or 3041+5x.",
    )

"""The filter of the features pane: comparisons of columns, and a regular expression over labels.

`max>5 density<0.01 city` keeps features with a maximum above 5 that are active on fewer than a
hundredth of the tokens and whose number or label matches `city`.
"""

import operator
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from brainsurg_tui.widgets.filter_input import matcher

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COMPARISON = re.compile(
    r"(!?)([a-z_]+)(<=|>=|<|>|=)([-+]?[0-9.]+(?:e[-+]?[0-9]+)?)", re.IGNORECASE
)
_OPERATORS = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_ALIASES = {"docs": "documents"}


def features_matching(
    pattern: str,
    columns: "Mapping[str, NDArray[np.generic]]",
    labels: Mapping[int, str],
    count: int,
) -> "NDArray[np.bool_]":
    """Which of `count` features `pattern` lets through; `columns` are [count] each."""
    import numpy as np

    mask = np.ones(count, dtype=bool)
    words = []
    for word in pattern.split():
        comparison = _comparison(word, columns, count)
        if comparison is None:
            words.append(word)
        else:
            mask &= comparison
    if words:
        pattern = " ".join(words)
        matches = matcher(pattern)
        named = [feature for feature in labels if feature < count]
        if any(character.isdigit() for character in pattern):
            found = np.array([matches(f"{i} {labels.get(i, '')}") for i in range(count)])
        else:  # then all without a label are alike, and there may be a million of them
            found = np.full(count, matches(""))
            found[named] = [matches(labels[feature]) for feature in named]
        mask &= found
    return mask


def _comparison(
    word: str, columns: "Mapping[str, NDArray[np.generic]]", count: int
) -> "NDArray[np.bool_] | None":
    import numpy as np

    parts = _COMPARISON.fullmatch(word)
    if parts is None:
        return None
    inverted, name, sign, number = parts.groups()
    name = _ALIASES.get(name.lower(), name.lower())
    values = np.arange(count) if name == "id" else columns.get(name)
    try:
        bound = float(number)
    except ValueError:
        return None
    if values is None:
        return None
    result: NDArray[np.bool_] = _OPERATORS[sign](values, bound)
    return ~result if inverted else result

"""Where somebody has been among the features, to go back there: as a browser keeps pages."""

from typing import NamedTuple


class FeatureRef(NamedTuple):
    """A feature of an SAE."""

    sae: str
    feature: int


class VisitHistory:
    """The features looked at, in that order, and which of them one has gone back to."""

    def __init__(self) -> None:
        self._features: list[FeatureRef] = []
        self._at = -1

    def add(self, feature: FeatureRef) -> None:
        """Go on to a feature; those gone back from are forgotten."""
        if self._features and self._features[self._at] == feature:
            return
        self._at += 1
        self._features[self._at :] = [feature]

    def step(self, steps: int) -> FeatureRef | None:
        """Go back (-1) or forward again (1), and return the feature there, if there is one."""
        at = self._at + steps
        if not 0 <= at < len(self._features):
            return None
        self._at = at
        return self._features[at]

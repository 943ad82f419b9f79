"""Where somebody has been among the features, to go back there: as a browser keeps pages."""

from typing import NamedTuple


class FeatureRef(NamedTuple):
    """A feature of an SAE."""

    sae: str
    feature: int


class VisitHistory:
    """Places in the order of going there, and which of them one stands at."""

    def __init__(self) -> None:
        self._places: list[FeatureRef] = []
        self._at = -1

    def go(self, place: FeatureRef) -> None:
        """Go to a place; what was gone back from is forgotten."""
        if self._places and self._places[self._at] == place:
            return
        self._at += 1
        self._places[self._at :] = [place]

    def step(self, steps: int) -> FeatureRef | None:
        """Go back (-1) or forward again (1); None where there is nothing."""
        at = self._at + steps
        if not 0 <= at < len(self._places):
            return None
        self._at = at
        return self._places[at]

"""A closer look at one feature: its examples group by group, and its relatives as they arrive."""

from dataclasses import dataclass
from typing import NamedTuple

from engine.service.protocol import (
    FeatureDetail,
    GetSnippets,
    Relatives,
    Snippet,
    SnippetKind,
    SnippetList,
)

BANDS = 10
"""Into so many equal parts the feature's activations are divided."""


class ExampleGroup(NamedTuple):
    """Some of a feature's examples."""

    title: str
    kind: SnippetKind
    band: int = BANDS - 1
    """Which tenth of the activations, from 0, the weakest; counts where the kind is `band`."""


EXAMPLE_GROUPS = (
    ExampleGroup("top", "top"),
    *(
        ExampleGroup(f"{10 * band}–{10 * band + 10} % of activations", "band", band)
        for band in reversed(range(BANDS))
    ),
    ExampleGroup("silent", "silent"),
)
"""The strongest, then every tenth from the strongest to the weakest, then the hard negatives."""


@dataclass(eq=False)
class FeatureView:
    """What is known of the feature that is looked at, beside its detail."""

    sae: str
    feature: int
    radius: int | None = None
    """Tokens on either side of a peak; None: as many as the scan kept."""
    group: int = 0
    """Index into EXAMPLE_GROUPS."""
    examples: SnippetList | None = None
    """The group's examples; None: not answered yet."""
    nearest: Relatives | str | None = None
    """The features nearest by decoder direction, or why there are none; None: not answered yet."""
    coactive: Relatives | str | None = None
    """Those active on the same tokens, or why there are none; None: not answered yet."""

    def request(self) -> GetSnippets:
        """How to ask for the group's examples."""
        group = EXAMPLE_GROUPS[self.group]
        return GetSnippets(
            sae=self.sae,
            feature=self.feature,
            kind=group.kind,
            band=group.band,
            radius=self.radius,
        )

    def is_default(self) -> bool:
        """Whether the detail's own snippets are what is to be seen."""
        return self.group == 0 and self.radius is None

    def step(self, steps: int) -> bool:
        """Go to another group; False where there is none."""
        if not 0 <= self.group + steps < len(EXAMPLE_GROUPS):
            return False
        self.group += steps
        self.examples = None
        return True

    def stretch(self, detail: FeatureDetail, factor: float) -> None:
        """Widen the windows by a factor, or narrow them."""
        shown = self.snippets(detail) or detail.snippets
        radius = self.radius or max(map(_reach, shown), default=10)
        self.radius = max(1, round(radius * factor))
        self.examples = None

    def snippets(self, detail: FeatureDetail) -> list[Snippet] | None:
        """The examples to be seen; None: not answered yet."""
        if self.is_default():
            return detail.snippets
        return None if self.examples is None else self.examples.snippets

    def textless(self, detail: FeatureDetail) -> str:
        """Why there is nothing to see, where the engine says so."""
        if self.is_default():
            return detail.textless
        return "" if self.examples is None else self.examples.textless


def _reach(snippet: Snippet) -> int:
    """Tokens on the longer side of the peak."""
    return max(snippet.peak, len(snippet.tokens) - 1 - snippet.peak)

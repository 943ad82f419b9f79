"""What was found by asking for features: from a prompt, from two texts, or from a pattern."""

from dataclasses import dataclass

import msgspec

from engine.service.protocol import (
    Contrast,
    FindContrast,
    FindFiring,
    Firing,
    Grep,
    GrepReport,
    GrepScore,
    Snippet,
    TextSource,
)

SearchRequest = FindFiring | FindContrast | Grep
SearchAnswer = Firing | Contrast | GrepReport


@dataclass(eq=False)
class SearchResults:
    """A search, its answer, and of a pattern what it finds of one feature."""

    search: SearchRequest
    found: SearchAnswer | None = None
    """None: not answered yet."""
    closer: GrepReport | None = None
    """Where the feature under the cursor answers to the pattern, and where it fails."""
    about: int | None = None
    """The feature that is judged first, however little it knows of the pattern; None: the best."""
    asked_of: int | None = None
    """The feature that `closer` is, or will be, about."""

    @property
    def sae(self) -> str:
        """Whose features were looked through."""
        return self.search.sae

    def title(self) -> str:
        """What was asked, in a few words."""
        match self.search:
            case FindFiring(prompt=prompt):
                return f"fires in “{prompt}”"
            case FindContrast(a=a, b=b):
                return f"{named(a)} against {named(b)}"
            case Grep(pattern=pattern):
                return f"knows /{pattern}/"

    def ids(self) -> list[int]:
        """The features found, in the order of the answer."""
        return [] if self.found is None else [feature.id for feature in self.found.features]

    def with_score_of(self, feature: GrepScore) -> None:
        """Put a feature before those that know the pattern, unless it is there."""
        if isinstance(self.found, GrepReport) and feature.id not in self.ids():
            scores = [feature, *self.found.features]
            self.found = msgspec.structs.replace(self.found, features=scores)

    def places(self) -> list[tuple[str, Snippet]]:
        """What `closer` shows, each place with what it is: a hit, a miss, a false alarm."""
        if self.closer is None:
            return []
        kinds = (
            ("hit", self.closer.hits),
            ("miss", self.closer.misses),
            ("false", self.closer.false_alarms),
        )
        return [(kind, snippet) for kind, snippets in kinds for snippet in snippets]


def named(source: TextSource) -> str:
    """A text by its beginning, a file by its name."""
    return f"“{source.text}”" if source.file is None else source.file.rpartition("/")[2]

"""What was found by asking for features: from a prompt, two texts, a pattern, or labelled texts."""

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
    Probe,
    ProbeResult,
    Snippet,
    TextSource,
)

SearchRequest = FindFiring | FindContrast | Grep | Probe
SearchAnswer = Firing | Contrast | GrepReport | ProbeResult
"""A probe is a job, whose result is shown as what other searches find."""


@dataclass(eq=False)
class SearchResults:
    """A search, its answer, and of a pattern what it finds of one feature."""

    request: SearchRequest
    answer: SearchAnswer | None = None
    """None: not answered yet."""
    places_answer: GrepReport | None = None
    """Where the feature under the cursor answers to the pattern, and where it fails."""
    about: int | None = None
    """The feature that is judged first, however little it knows of the pattern; None: the best."""
    places_of: int | None = None
    """The feature whose places were asked for last."""

    @property
    def sae(self) -> str:
        """The SAE whose features were searched."""
        return self.request.sae

    def title(self) -> str:
        """What was asked, in a few words."""
        match self.request:
            case FindFiring(prompt=prompt):
                return f"fires in “{prompt}”"
            case FindContrast(a=a, b=b):
                return f"{text_name(a)} against {text_name(b)}"
            case Grep(pattern=pattern):
                return f"knows /{pattern}/"
            case Probe(texts=texts):
                return f"tells labels of {', '.join(path.rpartition('/')[2] for path in texts)}"

    def ids(self) -> list[int]:
        """The features found, in the order of the answer."""
        return [] if self.answer is None else [feature.id for feature in self.answer.features]

    def add_score(self, feature: GrepScore) -> None:
        """Put a feature before those that know the pattern, unless it is among them."""
        if isinstance(self.answer, GrepReport) and feature.id not in self.ids():
            scores = [feature, *self.answer.features]
            self.answer = msgspec.structs.replace(self.answer, features=scores)

    def places(self) -> list[tuple[str, Snippet]]:
        """What `places_answer` shows, each place with what it is: a hit, a miss, a false alarm."""
        if self.places_answer is None:
            return []
        kinds = (
            ("hit", self.places_answer.hits),
            ("miss", self.places_answer.misses),
            ("false", self.places_answer.false_alarms),
        )
        return [(kind, snippet) for kind, snippets in kinds for snippet in snippets]


def text_name(source: TextSource) -> str:
    """A text in quotes, a file by its name."""
    return f"“{source.text}”" if source.file is None else source.file.rpartition("/")[2]

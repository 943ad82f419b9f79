"""Text that knows what each of its characters means."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) mean `concept`."""

    start: int
    end: int
    concept: str


@dataclass(frozen=True, slots=True)
class Document:
    """A text, its true tags, and how surprising the generator's choices were.

    `category` is that of the document's opening; every character also carries the category of the
    piece it stands in as a span. `nats` is minus the log probability of the choices that wrote the
    text: since two series of choices may write the same text, its mean over documents is an
    upper bound on the entropy of a document, and nearly equal to it in these grammars.
    """

    text: str
    category: str
    spans: tuple[Span, ...]
    nats: float

    def opening(self) -> str:
        """The first `opening` of the text: what a person would type to get the rest."""
        return next(self.text[s.start : s.end] for s in self.spans if s.concept == "opening")


class TextBuilder:
    """Text and tags, written from left to right."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._spans: list[Span] = []
        self.length = 0

    def write(self, text: str) -> None:
        self._parts.append(text)
        self.length += len(text)

    def tag(self, start: int, concept: str) -> None:
        """Say that everything written since `start` means `concept`."""
        if start < self.length:
            self._spans.append(Span(start, self.length, concept))

    def append(self, text: str, spans: tuple[Span, ...]) -> None:
        """Write `text` with `spans`, whose positions count from its beginning."""
        base = self.length
        self.write(text)
        self._spans += [Span(base + s.start, base + s.end, s.concept) for s in spans]

    def since(self, start: int) -> tuple[str, tuple[Span, ...]]:
        """What was written since `start`, as `append` takes it."""
        text = "".join(self._parts)[start:]
        spans = (s for s in self._spans if s.start >= start)
        return text, tuple(Span(s.start - start, s.end - start, s.concept) for s in spans)

    def finish(self) -> tuple[str, tuple[Span, ...]]:
        return self.since(0)

"""Pieces of text on which a feature is active, token by token (no torch here)."""

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:  # who only names the struct, as a front end does, needs no NumPy
    from engine.activations.tokens import TokenTable
    from engine.features.catalogue import Catalogue


class Snippet(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A window of tokens around one feature's largest activation in one document."""

    text: str
    """The tokens joined."""
    tokens: list[str]
    activations: list[float]
    """The feature's activation at each token; 0 where it is not active."""
    peak: int
    """Index in `tokens` of the largest activation."""
    document: int
    """Number of the document in its activation set."""
    position: int
    """Position of the peak in that document."""


def snippets(
    catalogue: "Catalogue",
    tokens: "TokenTable",
    feature: int,
    *,
    most: int = 5,
    radius: int | None = None,
) -> list[Snippet]:
    """The feature's strongest snippets, each from another document, strongest first.

    `tokens` is the table of the set that was scanned. A snippet reaches `radius` tokens to either
    side of its peak (None: as far as the scan kept activations, and never further), and ends where
    its document or the model's context ends.
    """
    kept = catalogue.manifest.radius
    reach = kept if radius is None else min(radius, kept)
    found = []
    for number, example in enumerate(catalogue.examples(feature)[:most]):
        window = tokens.window(example.document, example.position, before=reach, after=reach)
        peak = example.position - window.first
        acts = catalogue.window(feature, number)[kept - peak : kept - peak + len(window.tokens)]
        found.append(
            Snippet(
                text="".join(window.tokens),
                tokens=window.tokens,
                activations=acts.tolist(),
                peak=peak,
                document=example.document,
                position=example.position,
            )
        )
    return found

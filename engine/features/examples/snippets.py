"""A feature's activations on pieces of the corpus' text, token by token (no torch here)."""

from typing import TYPE_CHECKING

import msgspec

from engine.errors import UserError

if TYPE_CHECKING:  # who only names the struct, as a front end does, needs no NumPy
    import numpy as np
    from numpy.typing import NDArray

    from engine.activations.store.tokens import TokenTable, TokenWindow
    from engine.features.catalogue.catalogue import Catalogue, Example
    from engine.features.catalogue.codes import Codes


class Snippet(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A window of tokens around a place in a document, and one feature's activations there."""

    text: str
    """The tokens joined."""
    tokens: list[str]
    activations: list[float]
    """The feature's activation at each token; 0 where it is not active."""
    known: tuple[int, int] | None = None
    """The tokens from the first to before the second of these are those whose activations are
    known; at all others `activations` has 0, whatever they are. None: all are known."""
    peak: int
    """Index in `tokens` of the place: of a strongest example, the largest activation."""
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
    side of its peak (None: as far as the scan kept activations), and ends where its document or the
    model's context ends.
    """
    return [
        snippet_at(
            catalogue.codes,
            tokens,
            feature,
            example,
            radius=catalogue.manifest.radius if radius is None else radius,
            kept=catalogue.window(feature, number),
        )
        for number, example in enumerate(catalogue.examples(feature)[:most])
    ]


def window_around(
    place: "Example", tokens: "TokenTable", *, before: int, after: int
) -> "TokenWindow":
    """What stands around a place that a catalogue names (`TokenTable.window`).

    Raises UserError for one that the set hasn't got.
    """
    try:
        return tokens.window(place.document, place.position, before=before, after=after)
    except IndexError as error:
        raise UserError(f"The catalogue is damaged: {error}.", "Scan the SAE again.") from error


def snippet_at(
    codes: "Codes | None",
    tokens: "TokenTable",
    feature: int,
    place: "Example",
    *,
    radius: int,
    kept: "NDArray[np.float32] | None" = None,
) -> Snippet:
    """What stands around a place, up to `radius` tokens to either side.

    `kept` [2 · n + 1] are the feature's activations from n tokens before the place to n after it;
    None: at the place itself alone, which is its value. Where the snippet reaches further, the
    activations are those of the codes, if these hold all of it, and else unknown.
    """
    window = window_around(place, tokens, before=radius, after=radius)
    peak, length = place.position - window.first, len(window.tokens)
    reach = 0 if kept is None else len(kept) // 2
    first, last = max(0, peak - reach), min(length, peak + reach + 1)
    known = None if (first, last) == (0, length) else (first, last)
    rows = None
    if known is not None and codes is not None:
        rows = codes.rows_of(place.document, window.first, window.first + length)
    activations = [0.0] * length
    if codes is not None and rows is not None:
        activations = codes.activations(feature, rows.start, rows.stop).tolist()
        known = None
    elif kept is not None:
        activations[first:last] = kept[first - peak + reach : last - peak + reach].tolist()
    # of all that is kept of an example, this is what it was chosen for
    activations[peak] = place.value
    return Snippet(
        text="".join(window.tokens),
        tokens=window.tokens,
        activations=activations,
        known=known,
        peak=peak,
        document=place.document,
        position=place.position,
    )

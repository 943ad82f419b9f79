"""Tokens with a shade of colour behind each: how strongly something answers to it."""

from collections.abc import Collection, Sequence

from rich.cells import get_character_cell_size
from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from brainsurg_tui.widgets.shades import ANSI_SHADES, Shades, shade_of, shades_for
from brainsurg_tui.widgets.visible import visible

PEAK = Style(bold=True, underline=True)
SPECIAL = Style(dim=True, italic=True)

# A causal model has read only what stands before the peak, so that side gets more room.
_ROOM_BEFORE_PEAK = 0.6


def snippet_line(
    tokens: Sequence[str],
    activations: Sequence[float],
    peak: int,
    width: int,
    *,
    maximum: float | None = None,
    shades: Shades = ANSI_SHADES,
    marks: bool = False,
    ascii_only: bool = False,
) -> Text:
    """Return the tokens around `tokens[peak]` as one line of at most `width` cells.

    `activations` has one value per token; the shades run from 0 to `maximum`, by default the
    peak's own activation. The peak stays in view; `…` stands where text is cut away. `marks`
    sets the peak between `▒` signs (ASCII: brackets) for terminals without colour.
    """
    if width <= 0:
        return Text()
    scale = activations[peak] if maximum is None else maximum

    def draw(index: int) -> Text:
        style = shade_of(activations[index], scale, shades)
        return _token(tokens[index], style, index == peak, marks, ascii_only)

    before, text, after = Text(), draw(peak), Text()
    first, last = peak, peak
    while first > 0 and len(before) <= width:
        first -= 1
        before = Text.assemble(draw(first), before)  # + would lay its shade under all of them
    while last < len(tokens) - 1 and len(after) <= width:
        last += 1
        after.append_text(draw(last))
    line = Text.assemble(before, text, after)
    return _window(line, len(before), len(before) + len(text), width, "~" if ascii_only else "…")


def token_lines(
    tokens: Sequence[str],
    activations: Sequence[float],
    peak: int | None = None,
    *,
    special: Collection[int] = (),
    maximum: float | None = None,
    shades: Shades = ANSI_SHADES,
    marks: bool = False,
    ascii_only: bool = False,
) -> Text:
    """Return all tokens, to be wrapped by whoever draws them; a `↵` is followed by a new line.

    The tokens with an index in `special`, which are none of the text, are drawn faintly.
    """
    scale = max(activations, default=0.0) if maximum is None else maximum
    text = Text()
    for index, (token, activation) in enumerate(zip(tokens, activations, strict=True)):
        style = shade_of(activation, scale, shades)
        style = style + SPECIAL if index in special else style
        for part in token.splitlines(keepends=True) or [token]:
            text.append_text(_token(part, style, index == peak, marks, ascii_only))
            if part.endswith("\n"):
                text.append("\n")
    return text


class TokenStrip(Widget):
    """All tokens of a text, wrapped, each on its shade."""

    DEFAULT_CSS = "TokenStrip { height: auto; }"

    def __init__(self, *, ascii_only: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ascii_only = ascii_only
        self._tokens: Sequence[str] = ()
        self._activations: Sequence[float] = ()
        self._peak: int | None = None
        self._maximum: float | None = None

    def show(
        self,
        tokens: Sequence[str],
        activations: Sequence[float],
        peak: int | None = None,
        maximum: float | None = None,
    ) -> None:
        """Show these tokens; `maximum` is the activation of the strongest shade."""
        self._tokens, self._activations = tokens, activations
        self._peak, self._maximum = peak, maximum
        self.refresh(layout=True)

    def line_of(self, token: int) -> int:
        """The line in which a token stands at the present width."""
        width = max(1, self.size.width)
        before = self._draw(token + 1).wrap(self.app.console, width)
        return max(0, len(before) - 1)

    def render(self) -> Text:
        """Draw the tokens for the colours that the terminal has."""
        return self._draw(len(self._tokens))

    def _draw(self, first: int) -> Text:
        """The first so many tokens."""
        return token_lines(
            self._tokens[:first],
            self._activations[:first],
            self._peak,
            maximum=self._maximum,
            shades=shades_for(self),
            marks=self.ascii_only or self.app.no_color,
            ascii_only=self.ascii_only,
        )


def _token(token: str, style: Style, is_peak: bool, marks: bool, ascii_only: bool) -> Text:
    shown = visible(token, ascii_only=ascii_only)
    if not is_peak:
        return Text(shown, style)
    word = shown.strip(" ")
    if not word:
        return Text(shown.replace(" ", "_" if ascii_only else "␣"), style + PEAK)
    start = shown.index(word)
    opening, closing = ("[]" if ascii_only else "▒▒") if marks else ("", "")
    return Text.assemble(
        (shown[:start], style),
        (opening, style),
        (word, style + PEAK),
        (closing, style),
        (shown[start + len(word) :], style),
    )


def _window(text: Text, start: int, end: int, width: int, ellipsis: str) -> Text:
    """Return the part of `text`, at most `width` cells, that shows its characters start…end."""
    cells = [get_character_cell_size(character) for character in text.plain]
    if sum(cells) <= width:
        return text
    room = max(0, width - sum(cells[start:end]))
    first, before = start, max(int(room * _ROOM_BEFORE_PEAK), room - sum(cells[end:]))
    while first > 0 and before >= cells[first - 1]:
        first -= 1
        before -= cells[first]
    while first < start and not cells[first]:  # a mark without its letter
        first += 1
    last, rest = first, width
    while last < len(cells) and rest >= cells[last]:
        rest -= cells[last]
        last += 1
    cut_before, cut_after = first > 0, last < len(cells)
    # An ellipsis takes the place of a letter together with the marks that stand on it.
    if cut_before:
        first = next((at for at in range(first + 1, last) if cells[at]), last)
    if cut_after:
        last = next((at for at in range(last - 1, first - 1, -1) if cells[at]), first)
    return Text.assemble(
        ellipsis if cut_before else "",
        text[first:last] if first < last else "",
        ellipsis if cut_after and width > cut_before else "",
    )

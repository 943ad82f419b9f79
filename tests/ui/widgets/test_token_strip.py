import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual.app import App, ComposeResult
from textual.color import Color

from brainsurg_tui.theme import DARK, LIGHT
from brainsurg_tui.widgets.shades import ANSI_SHADES, blended_shades, palette_shades, shade_of
from brainsurg_tui.widgets.token_strip import TokenStrip, snippet_line, token_lines

TOKENS = ["the", " train", " from", " Paris", " to", " Lyon", "\n"]
ACTIVATIONS = [0.0, 1.0, 2.0, 8.0, 1.0, 4.0, 0.0]


@st.composite
def snippets(draw: st.DrawFn) -> tuple[list[str], list[float], int]:
    tokens = draw(
        st.lists(st.text(st.sampled_from(" ab日\n\x1b\u0301\u202e👩"), max_size=8), min_size=1)
    )
    activations = draw(
        st.lists(st.floats(), min_size=len(tokens), max_size=len(tokens)),
    )
    return tokens, activations, draw(st.integers(0, len(tokens) - 1))


@given(snippets(), st.integers(0, 40), st.booleans(), st.booleans())
def test_a_snippet_is_one_line_that_fits(snippet, width, marks, ascii_only):
    line = snippet_line(*snippet, width, marks=marks, ascii_only=ascii_only)

    assert line.cell_len <= width
    assert "\n" not in line.plain


@given(st.lists(st.text("ab ", min_size=1, max_size=6), max_size=30), st.data())
def test_the_peak_stays_in_view(around, data):
    place = data.draw(st.integers(0, len(around)))
    tokens = [*around[:place], " PEAK", *around[place:]]

    line = snippet_line(tokens, [1.0] * len(tokens), place, 9, marks=True)

    assert "PEAK" in line.plain


def test_snippets_are_cut_around_their_peak():
    def plain(width: int, **options: bool) -> str:
        return snippet_line(TOKENS, ACTIVATIONS, 3, width, **options).plain

    assert plain(40) == "the train from Paris to Lyon↵"
    assert plain(20) == "…in from Paris to L…"
    assert plain(40, marks=True) == "the train from ▒Paris▒ to Lyon↵"
    assert plain(40, marks=True, ascii_only=True) == "the train from [Paris] to Lyon\\n"
    assert plain(16, ascii_only=True) == "~ from Paris to~"
    assert plain(3) == "…P…"


def test_the_peak_is_bold_and_on_the_strongest_shade():
    line = snippet_line(TOKENS, ACTIVATIONS, 3, 40)

    (style,) = [span.style for span in line.spans if line.plain[span.start : span.end] == "Paris"]
    assert style.bold
    assert style.underline
    assert style.bgcolor == ANSI_SHADES[-1].bgcolor


@pytest.mark.parametrize("activations", [ACTIVATIONS, [2.0, 0.0, 4.0, 8.0, 0.0, 2.0, 0.0]])
def test_each_token_has_its_own_shade_and_no_other(activations):
    line = snippet_line(TOKENS, activations, 3, 40)

    console, start = Console(), 0
    for token, activation in zip(TOKENS, activations, strict=True):
        wanted = shade_of(activation, 8.0, ANSI_SHADES)
        for offset in range(start, start + len(token)):
            style = line.get_style_at_offset(console, offset)
            assert (style.color, style.bgcolor) == (wanted.color, wanted.bgcolor)
        start += len(token)


def test_a_blank_peak_can_be_seen():
    assert snippet_line(["a", "  ", "b"], [0, 1, 0], 1, 10).plain == "a␣␣b"
    assert snippet_line(["a", " ", "b"], [0, 1, 0], 1, 10, ascii_only=True).plain == "a_b"


def test_whole_texts_break_where_they_had_a_line_feed():
    text = token_lines(["def", " f", ":\n", "\treturn", "\n\n"], [0, 0, 1, 2, 0], 3)

    assert text.plain.split("\n") == ["def f:↵", "⇥return↵", "↵", ""]


@given(st.floats(), st.floats(), st.floats(min_value=0, exclude_min=True))
def test_shades_grow_with_the_value(one, other, maximum):
    def step(value: float) -> int:
        shade = shade_of(value, maximum, ANSI_SHADES)
        return 0 if shade == Style.null() else 1 + list(ANSI_SHADES).index(shade)

    if one <= other:
        assert step(one) <= step(other)


def test_shades_end_at_the_maximum_and_start_above_zero():
    assert shade_of(0.0, 8.0, ANSI_SHADES) == Style.null()
    assert shade_of(-1.0, 8.0, ANSI_SHADES) == Style.null()
    assert shade_of(math.nan, 8.0, ANSI_SHADES) == Style.null()
    assert shade_of(1e-9, 8.0, ANSI_SHADES) == ANSI_SHADES[0]
    assert shade_of(8.0, 8.0, ANSI_SHADES) == ANSI_SHADES[-1]
    assert shade_of(math.inf, 8.0, ANSI_SHADES) == ANSI_SHADES[-1]


@given(st.tuples(*[st.integers(0, 255)] * 6), st.sampled_from([blended_shades, palette_shades]))
def test_text_can_be_read_on_every_shade(channels, shades_of):
    background, accent = Color(*channels[:3]), Color(*channels[3:])

    for style in shades_of(background, accent):
        assert style.color is not None
        assert style.bgcolor is not None
        text, ground = Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)
        assert abs(text.brightness - ground.brightness) >= 0.4


def drawn_in_256_colours(style: Style) -> Color:
    assert style.bgcolor is not None
    return Color(*style.bgcolor.downgrade(ColorSystem.EIGHT_BIT).get_truecolor())


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_in_256_colours_a_shade_is_a_greyer_accent_and_no_other_hue(theme):
    background, accent = Color.parse(theme.background), Color.parse(theme.accent)

    drawn = [drawn_in_256_colours(shade) for shade in palette_shades(background, accent)]

    away = [abs(colour.brightness - background.brightness) for colour in drawn]
    assert away == sorted(set(away))
    for colour in drawn:
        grey = max(colour.rgb) - min(colour.rgb) == 0
        assert grey or abs(colour.hsl.h - accent.hsl.h) < 15 / 360
    assert len(drawn) > 3


async def test_the_strip_wraps_and_grows():
    strip = TokenStrip()

    class Host(App[None]):
        def compose(self) -> ComposeResult:
            yield strip

    async with Host().run_test(size=(10, 10)) as pilot:
        strip.show(["one", " two", " [b]three", "\n", "four"], [0, 1, 2, 0, 0], 2)
        await pilot.pause()
        lines = [strip.render_line(y).text.rstrip() for y in range(strip.size.height)]

    assert lines == ["one two", "[b]three↵", "four"]


def test_special_tokens_are_drawn_faintly() -> None:
    text = token_lines(["<|user|>", " Hi"], [0.0, 1.0], special=[0])
    styles = {
        text.plain[span.start : span.end]: Style.parse(str(span.style)) for span in text.spans
    }
    assert styles["<|user|>"].dim
    assert not styles[" Hi"].dim

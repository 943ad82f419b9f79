import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len, get_character_cell_size
from rich.text import Text

from brainsurg_tui.widgets.visible import MARKS_PER_LETTER, visible

nasty = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x1b\x9b\x07\r\n\t\u202e\u2066\u200b\u200d\ufe0f\u0301\ud800\u2028[]日👩"),
    )
)


@given(nasty, st.booleans())
def test_nothing_is_left_that_a_terminal_obeys_or_hides(text: str, ascii_only: bool):
    shown = visible(text, ascii_only=ascii_only)

    categories = {unicodedata.category(character) for character in shown}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert "\ufe0f" not in shown
    shown.encode()  # a lone surrogate could not be written to any terminal


@given(nasty, nasty)
def test_width_is_the_sum_of_the_characters_widths(before: str, after: str):
    shown = visible(before) + visible(after)

    assert cell_len(shown) == sum(get_character_cell_size(character) for character in shown)


@given(nasty)
def test_no_letter_carries_a_tower_of_marks(text: str):
    tower = 0
    for character in visible(text):
        tower = tower + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        assert tower <= MARKS_PER_LETTER


@given(nasty, st.booleans())
def test_what_is_safe_stays_safe(text: str, ascii_only: bool):
    once = visible(text, ascii_only=ascii_only)

    assert visible(once, ascii_only=ascii_only) == once


@given(st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd", "Po"], max_codepoint=0xFFFF)))
def test_letters_digits_and_signs_stay_what_they_are(text: str):
    readable = "".join(c for c in text if unicodedata.category(c) != "Lo" or c.isalpha())
    fillers = "\u115f\u1160\u3164\uffa0"

    assert visible(readable) == "".join(
        f"<U+{ord(c):04X}>" if c in fillers else c for c in readable
    )


@pytest.mark.parametrize(
    ("text", "shown", "in_ascii"),
    [
        ("a\nb\tc", "a↵b⇥c", "a\\nb\\tc"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m", "^[[31mred^[[0m"),
        ("\x1b]0;title\x07", "␛]0;title␇", "^[]0;title^G"),
        ("\x9b2J", "<U+009B>2J", "<U+009B>2J"),
        ("\x7f", "␡", "^?"),
        ("user\u202egnp.exe", "user<U+202E>gnp.exe", "user<U+202E>gnp.exe"),
        ("zero\u200bwidth", "zero<U+200B>width", "zero<U+200B>width"),
        ("é", "é", "é"),
        ("e\u0301", "e\u0301", "e\u0301"),
        ("\u0301", "<U+0301>", "<U+0301>"),
        ("[bold]no[/bold]", "[bold]no[/bold]", "[bold]no[/bold]"),
    ],
)
def test_signs(text: str, shown: str, in_ascii: str):
    assert visible(text) == shown
    assert visible(text, ascii_only=True) == in_ascii


@given(nasty)
def test_rich_text_keeps_every_character_of_it(text: str):
    assert Text(visible(text)).plain == visible(text)

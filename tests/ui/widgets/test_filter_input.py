import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.widgets import Input, Static

from brainsurg_tui.widgets.filter_input import FilterInput, fault, matcher


@given(st.text(), st.text())
@example("(", "a(b")
@example("*", "")
@example("a{99999999999}", "")
def test_no_pattern_raises_and_inverting_inverts(pattern, text):
    assert isinstance(fault(pattern), str)
    if pattern and not pattern.startswith("!"):
        assert matcher("!" + pattern)(text) != matcher(pattern)(text)


@given(st.text(), st.text())
def test_an_escaped_pattern_finds_the_text_itself(text, around):
    assert matcher("(?:)" + re.escape(text))(around + text + around)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("", "anything", True),
        ("!", "anything", True),
        ("city", "Name of a City", True),
        ("City", "name of a city", False),
        (r"\S+\s\w", "a b", True),
        (r"\Sb", "aB", True),
        ("^cit", "a city", False),
        ("cit.*paris", "cities: paris", True),
        ("!paris", "rome", True),
        ("!paris", "Paris", False),
        (r"\!", "wow!", True),
        ("foo(", "call foo(1)", True),
        ("!foo(", "call foo(1)", False),
        ("FOO(", "call foo(1)", False),
    ],
)
def test_patterns(pattern, text, found):
    assert matcher(pattern)(text) is found


def test_what_is_wrong_is_said():
    assert fault("a(b") == "missing )"
    assert fault("!*") == "nothing to repeat"
    assert fault("a|b") == ""


class Host(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.filter = FilterInput()
        self.heard: list[object] = []

    def compose(self) -> ComposeResult:
        yield self.filter
        yield Input(id="other")

    def on_filter_input_changed(self, message: FilterInput.Changed) -> None:
        self.heard.append(message.pattern)

    def on_filter_input_closed(self, message: FilterInput.Closed) -> None:
        self.heard.append(message.kept)

    def note(self) -> str:
        return str(self.filter.query_one(".filter--note", Static).content)


async def test_it_filters_while_one_types_and_enter_keeps():
    host = Host()
    async with host.run_test() as pilot:
        assert not host.filter.display
        host.filter.open()
        await pilot.pause()
        for key in "ab":
            await pilot.press(key)
        assert host.heard == ["a", "ab"]
        host.filter.set_count(37, 24_576)
        assert host.note() == "37 of 24,576"
        await pilot.press("enter")
        assert host.heard == ["a", "ab", True]
        assert not host.filter.display
        assert host.filter.pattern == "ab"


async def test_escape_clears():
    host = Host()
    async with host.run_test() as pilot:
        host.filter.open()
        await pilot.press("a", "escape")

        assert host.heard == ["a", "", False]
        assert host.filter.pattern == ""
        assert not host.filter.display


async def test_a_broken_pattern_is_said_and_still_finds_its_text():
    host = Host()
    async with host.run_test(size=(60, 5)) as pilot:
        host.filter.open()
        await pilot.press("a", "left_parenthesis")

        assert host.heard[-1] == "a("
        assert host.note() == "missing ): taken as plain text"
        await pilot.press("b", "right_parenthesis")
        assert host.note() == ""

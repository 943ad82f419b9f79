"""What the command line prints of foreign texts."""

import io
import json

import pytest

from brainsurg_tui.cli import main
from brainsurg_tui.commands.json_document import json_document
from brainsurg_tui.commands.progress import ProgressDisplay
from engine.service import protocol as p


def test_json_holds_nothing_that_a_terminal_obeys_and_means_the_same() -> None:
    hostile = {"label": "\x1b[2J \x9b2J \x85 \u202eabc\u2066 \u200b é 猫 😀"}
    text = json_document(hostile)
    assert all(character.isprintable() for character in text)
    assert "é 猫 😀" in text
    assert json.loads(text) == hostile


def test_progress_shows_a_hostile_name_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    with ProgressDisplay() as display:
        display.show(p.Progressed(phase="load [/x]\x1b]0;owned\x07", done=0))
        display.show(p.Noted(text="[bold]\x1b]0;owned\x07"))
    assert "load [/x]" in shown.getvalue()
    assert "[bold]" in shown.getvalue()
    assert "\x1b]0" not in shown.getvalue()


@pytest.mark.parametrize(
    "words",
    [
        ["jobs", "cancel", str(2**70)],
        ["label", "sae", "1", "\udcff"],
        ["jobs", "--workspace", "~nobody-of-that-name/ws"],
    ],
)
def test_what_can_not_be_sent_is_one_sentence(
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    workspace: str,
) -> None:
    monkeypatch.setenv("BRAINSURG_WORKSPACE", workspace)
    with pytest.raises(SystemExit, match="1"):
        main(words)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("brainsurg: ")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    root = str(tmp_path_factory.mktemp("unsendable") / "ws")
    yield root
    with pytest.raises(SystemExit, match="0"):
        main(["engine", "stop", "--workspace", root])

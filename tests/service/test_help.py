"""What the command tells about itself, and what it says when it is called wrongly."""

import pytest

from brainsurg_tui.cli import app, main
from brainsurg_tui.commands import COMMANDS

DEMO = ["--model", "demo", "--site", "resid_post.0"]
CLAMP = ["clamp", "x", "--feature", "3", "--prompt", "a"]
NAMES = [name for commands in COMMANDS.values() for name in commands]


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest that is promised to look well."""
    monkeypatch.setenv("COLUMNS", "80")


def told(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    shown = capsys.readouterr()
    assert ended.value.code == status
    assert (shown.err, shown.out)[status > 0] == ""
    return shown.err if status else shown.out


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_the_list_of_commands_says_what_each_does(
    capsys: pytest.CaptureFixture[str], option: str
) -> None:
    shown = told(capsys, option)
    assert all(len(line) <= 80 for line in shown.splitlines())
    rows = [line.strip("│ ").split(maxsplit=1) for line in shown.splitlines() if "│" in line]
    said = {words[0]: words[1] for words in rows if len(words) == 2}
    for name in NAMES:
        assert app[name].help.startswith(said[name].rstrip("."))
    assert {"--workspace", "--json", "--device", "--seed", "--debug", "--version"} <= said.keys()


def commands() -> list[list[str]]:
    """Every command with its sub-commands."""
    found = []
    for name in NAMES:
        below = [sub for sub in app[name] if not sub.startswith("-")]
        found += [[name, sub] for sub in below] or [[name]]
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_option_of_a_command_is_explained(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    command = app
    for word in words:
        command = command[word]
    options = command.assemble_argument_collection(parse_docstring=True).filter_by(show=True)
    assert {"--workspace", "--json"} <= {option.name for option in options}
    shown = " ".join(told(capsys, *words, "--help").replace("│", " ").split())
    for option in options:
        explained = option.parameter.help
        assert explained, option.name
        assert " ".join(explained.replace("`", "").split()) in shown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["trian", "x"], "There is no command 'trian'. Did you mean train? See: brainsurg --help"),
        (["xyzzy"], "There is no command 'xyzzy'. See: brainsurg --help"),
        (["--json", "jobs"], "Options stand behind the command: brainsurg jobs …"),
        (["jobs", "xyzzy"], "Nothing is known of 'xyzzy'. See: brainsurg jobs --help"),
        (["capture"], "NAME is missing. See: brainsurg capture --help"),
        (["capture", "x"], "--model is missing. See: brainsurg capture --help"),
        (["features", "sae", "--tpo", "3"], "Unknown option: --tpo. Did you mean --top?"),
        (["sweep", "x", "--activations", "a", "--k", "8,b"], "'8,b' is no list such as 16,32."),
        (["sweep", "x", "--activations", "a", "--lr", "b"], "'b' is no list such as 0.1,0.3."),
        (["train", "x", "--no-skip"], "Unknown option: --no-skip."),
        (["capture", "x", *DEMO], "Give exactly one of --prompts, --text and --dataset."),
        (["capture", "x", *DEMO, "--prompts", "a", "--dataset", "b"], "Give exactly one of"),
        (["train", "x"], "Give --activations, or --model"),
        (["train", "x", "--activations", "a", "--model", "b"], "Give --activations, or --model"),
        (["sweep", "x", "--k", "2,4", "--resume"], "Give --activations, or --model"),
        (["train", "x", "--activations", "a", "--arch", "vanilla"], 'Choose from: "topk",'),
        (["train", "x", "--resume", "--replace"], "--resume goes on and --replace begins anew"),
        (["features", "sae", "--top", "0"], "--top"),
        (["scan", "sae", "--seed", "-1"], "--seed"),
        (["feature", "sae", "1", "--band", "10"], "--band"),
        (["clamp", "x", "--feature", "3"], "either --prompts or --prompt"),
        (["clamp", "x", "--prompt", "a"], "either --feature or --edit"),
        ([*CLAMP, "--ablate", "--value", "3"], "one of --value, --times-max, --ablate, --scale"),
        ([*CLAMP, "--positions", "x"], "--positions is A:B, such as 3:8 or 5:, and not 'x'."),
        (["clamp", "x", "--edit", "3=2", "--ablate", "--prompt", "a"], "tells the operation, too"),
        (["clamp", "x", "--edit", "3=2", "--feature", "3", "--prompt", "a"], "either --feature"),
    ],
)
def test_wrong_usage_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    shown = told(capsys, *words, status=2)
    assert shown.startswith("brainsurg: ")
    assert sentence in shown
    assert shown.count("\n") == 1

"""Requests that can't be carried out are refused; the others can be repeated from a line."""

import shlex

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UserError
from engine.interventions.notation import format_edit, parse_edit
from engine.interventions.reproduction import reproduction_command
from engine.interventions.spec import ClampRequest, FeatureEdit
from engine.interventions.validation import check_request

REQUEST = ClampRequest(sae="s", edits=[FeatureEdit(feature=3, value=5.0)], prompts=["Hello"])

values = st.floats(allow_nan=False, allow_infinity=False)
features = st.integers(0, 10**6)


@st.composite
def edits(draw: st.DrawFn) -> FeatureEdit:
    operation = draw(st.sampled_from(["clamp", "ablate", "scale", "add"]))
    has_unit = operation in ("clamp", "add")
    return FeatureEdit(
        feature=draw(features),
        operation=operation,
        value=0.0 if operation == "ablate" else draw(values),
        unit=draw(st.sampled_from(["absolute", "max"])) if has_unit else "absolute",
    )


@settings(deadline=None)
@given(edits())
def test_an_edit_survives_its_notation(edit: FeatureEdit) -> None:
    assert parse_edit(format_edit(edit)) == edit


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("3041=5x", FeatureEdit(feature=3041, value=5, unit="max")),
        (" 3041=0.5 ", FeatureEdit(feature=3041, value=0.5)),
        ("7=off", FeatureEdit(feature=7, operation="ablate")),
        ("7*2", FeatureEdit(feature=7, operation="scale", value=2)),
        ("7+-.5x", FeatureEdit(feature=7, operation="add", value=-0.5, unit="max")),
    ],
)
def test_notation(text: str, edit: FeatureEdit) -> None:
    assert parse_edit(text) == edit


@pytest.mark.parametrize("text", ["", "5x", "3=", "3=x", "3*2x", "3=nan", "3=1e999", "x=1", "3-1"])
def test_what_is_no_edit(text: str) -> None:
    with pytest.raises(UserError, match="is no edit"):
        parse_edit(text)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompts": []}, "no prompt"),
        ({"edits": []}, "No feature"),
        ({"edits": [FeatureEdit(feature=10)]}, "no feature 10. The features of s are 0 to 9"),
        ({"edits": [FeatureEdit(feature=-1)]}, "no feature -1"),
        ({"edits": [FeatureEdit(feature=1), FeatureEdit(feature=1, value=2.0)]}, "twice"),
        ({"edits": [FeatureEdit(feature=1, value=float("nan"))]}, "finite"),
        ({"nulls": -1}, "negative"),
        ({"generate": -1}, "negative"),
        ({"positions": (-1, None)}, "Positions -1: hold no token"),
        ({"positions": (3, 3)}, "Positions 3:3 hold no token"),
    ],
)
def test_requests_that_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as caught:
        check_request(msgspec.structs.replace(REQUEST, **changes), 10)
    assert said in str(caught.value)


def test_a_request_that_is_fine() -> None:
    check_request(msgspec.structs.replace(REQUEST, positions=(0, 1), nulls=0, generate=0), 10)


def words(**changes: object) -> list[str]:
    return shlex.split(reproduction_command(msgspec.structs.replace(REQUEST, **changes)))


def test_the_line_spells_out_every_setting() -> None:
    assert reproduction_command(REQUEST) == (
        "brainsurg clamp s --feature 3 --value=5.0 --prompt Hello "
        "--positions 0: --generate 24 --nulls 20 --seed 0 --view model"
    )


def test_the_line_names_measures_nulls_and_strengths() -> None:
    said = words(
        measures=["logp:he vs she", "promoted:5"],
        null="directions",
        most_nulls=200,
        strengths=[-1.0, 2.5],
    )
    assert said[said.index("--null") :][:9] == [
        *("--null", "directions", "--most-nulls", "200"),
        *("--measure", "logp:he vs she", "--measure", "promoted:5"),
        "--strengths=-1.0,2.5",
    ]


def test_the_line_names_a_model_that_was_named() -> None:
    assert words(model="/a model")[-2:] == ["--model", "/a model"]


@pytest.mark.parametrize(
    ("one", "flags"),
    [
        (FeatureEdit(feature=1, value=2.5, unit="max"), ["--times-max=2.5"]),
        (FeatureEdit(feature=1, value=-2.5), ["--value=-2.5"]),
        (FeatureEdit(feature=1, operation="ablate"), ["--ablate"]),
        (FeatureEdit(feature=1, operation="scale", value=0.5), ["--scale=0.5"]),
        (FeatureEdit(feature=1, operation="add", value=3.0, unit="max"), ["--add=3.0"]),
    ],
)
def test_the_line_says_what_is_done_to_all_features(one: FeatureEdit, flags: list[str]) -> None:
    other = msgspec.structs.replace(one, feature=2)
    assert words(edits=[one, other])[3:8] == ["--feature", "1", "--feature", "2", *flags]


@pytest.mark.parametrize(
    "several",
    [
        [FeatureEdit(feature=1, value=2.0), FeatureEdit(feature=2, value=3.0)],
        [FeatureEdit(feature=1, value=2.0), FeatureEdit(feature=2, operation="ablate")],
        [FeatureEdit(feature=1, operation="add", value=2.0)],
    ],
)
def test_what_no_flag_says_of_all_features_is_said_one_by_one(several: list[FeatureEdit]) -> None:
    line = words(edits=several)
    told = [parse_edit(word.removeprefix("--edit=")) for word in line if "--edit" in word]
    assert told == several
    assert "--feature" not in line


@settings(deadline=None)
@given(st.lists(st.text(min_size=1).filter(lambda text: "\0" not in text), min_size=1, max_size=3))
def test_prompts_come_through_the_shell_as_they_are(prompts: list[str]) -> None:
    line = words(prompts=prompts)
    found = []
    while line:
        word = line.pop(0)
        if word == "--prompt":
            found.append(line.pop(0))
            assert not found[-1].startswith("-")
        elif word.startswith("--prompt="):
            found.append(word.removeprefix("--prompt="))
    assert found == prompts


def test_a_file_of_prompts_is_named() -> None:
    line = words(prompt_file="/my data/prompts.txt", prompts=["one", "two"])
    assert line[line.index("--prompts") + 1] == "/my data/prompts.txt"
    assert "--prompt" not in line

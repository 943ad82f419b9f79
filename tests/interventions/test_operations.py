"""An operation that is registered can be typed, applied, turned to, reproduced and described."""

import subprocess
import sys
from collections.abc import Iterator

import msgspec
import pytest
import torch

from brainsurg_tui.state.clamp_draft import ClampDraft
from engine.interventions import operations as module
from engine.interventions.delta import ResolvedEdit, apply_edits
from engine.interventions.notation import describe_edit, format_edit, parse_edit
from engine.interventions.nulls import null_edits
from engine.interventions.operations import Flag, Operation, find_operation, operations
from engine.interventions.reproduction import reproduction_command
from engine.interventions.spec import FeatureEdit, ModelReport
from tests.interventions.bench import Bench

CAP = Operation(
    name="cap",
    takes="activation",
    apply=lambda z, amount: z.clamp_max(amount),
    sign="^",
    flags=(Flag("cap", "max", "Hold it below this many times its maximum."),),
    default=0.5,
    words=lambda value, size: f"at most {size}",
)
HALF = FeatureEdit(feature=3, operation="clamp", value=0.5, unit="max")


@pytest.fixture
def cap() -> Iterator[FeatureEdit]:
    module.register(CAP)
    yield msgspec.structs.replace(HALF, operation="cap")
    module.unregister("cap")


def test_it_can_be_typed_and_is_described(cap: FeatureEdit) -> None:
    assert parse_edit("3^0.5x") == cap
    assert format_edit(cap) == "3^0.5x"
    assert describe_edit(cap) == "3 at most 0.5× max"


def test_it_is_applied_in_units_of_the_maximum(cap: FeatureEdit) -> None:
    z = torch.tensor([[0.0, 0, 0, 1], [0, 0, 0, 9]])
    edit = ResolvedEdit.of(cap, 8.0)
    assert apply_edits(z, [edit])[:, 3].tolist() == [1, 4]
    columns = {"max": torch.tensor([0.0, 0, 6, 8]).numpy()}
    assert null_edits([cap], [2], columns) == [ResolvedEdit(2, "cap", 3.0)]


def test_a_report_tells_what_it_did(bench: Bench, cap: FeatureEdit) -> None:
    edit = msgspec.structs.replace(cap, feature=bench.busiest())
    report = bench.clamp(edits=[edit])
    assert isinstance(report, ModelReport)
    assert report.operation == "cap"
    assert report.checks.error_kept
    assert max(prompt.kl for prompt in report.prompts) > 0
    assert f"--cap={edit.value!r}" in report.reproduce
    assert msgspec.json.decode(msgspec.json.encode(report), type=ModelReport) == report


def test_several_operations_are_reproduced_in_notation(bench: Bench, cap: FeatureEdit) -> None:
    request = bench.request(edits=[cap, msgspec.structs.replace(HALF, feature=4)])
    assert "'--edit=3^0.5x' --edit=4=0.5x" in reproduction_command(request)


def test_the_app_turns_to_it(cap: FeatureEdit) -> None:
    draft = ClampDraft().of([3])
    seen = [draft.edits[0].operation]
    for _ in operations():
        draft = draft.next_operation()
        seen.append(draft.edits[0].operation)
    assert seen == ["clamp", "ablate", "scale", "add", "cap", "clamp"]


def test_the_command_line_has_its_flag() -> None:
    program = (
        "from engine.interventions.operations import Flag, Operation, register\n"
        "register(Operation(name='cap', takes='activation', apply=None, sign='^', default=1.0,"
        " flags=(Flag('cap', 'max', 'Hold it below.'),), words=None))\n"
        "from brainsurg_tui.cli import main\n"
        "main()"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program, "clamp", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "--cap FLOAT" in shown
    assert "Hold it below." in shown


def test_an_operation_that_is_not_there_can_be_neither_made_nor_read() -> None:
    with pytest.raises(ValueError, match="no operation 'cap': there are clamp, ablate, scale, add"):
        FeatureEdit(feature=3, operation="cap")
    with pytest.raises(msgspec.ValidationError, match="no operation"):
        msgspec.json.decode(b'{"feature": 3, "operation": "cap"}', type=FeatureEdit)


def test_no_two_are_typed_alike() -> None:
    signs = [operation.sign for operation in operations()]
    flags = [flag.name for operation in operations() for flag in operation.flags]
    assert len(set(signs)) == len(signs)
    assert len(set(flags)) == len(flags)
    assert [find_operation(o.name) for o in operations()] == list(operations())

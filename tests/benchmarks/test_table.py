"""The published tables say what was measured."""

from benchmarks.training.messages import Result, Score, Scored
from benchmarks.training.sizes import Size
from benchmarks.training.table import course_table, disturbed, quality_table, speed_table
from benchmarks.training.trainers import ARCHITECTURES, OURS, contestants

SIZE = Size(d_in=4, width=8, batch=16, pool=32)


def result(
    speed: float = 1.0, scores: list[Scored] | None = None, reference: float = 100.0
) -> Result:
    """A result that says this and nothing else of interest."""
    return Result(
        tokens_per_second=speed,
        steps=10,
        seconds=1.0,
        peak_bytes=int(speed * 1e9),
        training_bytes=500_000_000,
        reference_gflops=(100.0, reference),
        checksum=0.0,
        scores=scores or [],
        versions={"library": "1"},
    )


def rows(table: str) -> dict[str, list[str]]:
    """Cells by the first one of their row."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {name.strip("*"): cells for name, *cells in lines[2:]}


def test_speeds_are_compared_within_rounds_and_the_fastest_stands_first() -> None:
    # In the third round the machine was slow for both: the ratio is still 2.
    rounds = [{"peer": result(p), OURS: result(o)} for p, o in ((4, 8), (5, 15), (1, 2))]
    rates = [{"bf16": 640.0, "fp32": 64.0 * n} for n in (8, 15, 2)]
    table = rows(speed_table(rounds, rates, SIZE))
    assert list(table) == [OURS, "peer"]
    assert table[OURS][:2] == ["8 [2..15]", "–"]
    assert table["peer"][:4] == ["4 [1..5]", "2.00 [2.00..3.00]", "5.00 GB", "0.50 GB"]
    # A token costs 2 · 4 · 8 = 64 operations, so ours was at the fp32 limit in every round.
    assert table[OURS][4:] == ["80.0%", "100.0%"]


def test_quality_names_the_step_and_the_time_at_which_enough_was_recovered() -> None:
    found = [Scored(step, 2.0 * step, Score(1 / step, 32, step / 200)) for step in (100, 190, 200)]
    never = [Scored(step, 1.0 * step, Score(0.9, 31, 0)) for step in (100, 190, 200)]
    rounds = [{OURS: result(scores=found), "peer": result(scores=never)}]
    table = rows(quality_table(rounds, 0.95))
    assert table[OURS] == ["0.0050", "100.0%", "400", "380.0", "190", "32.0"]
    assert table["peer"] == ["0.9000", "0.0%", "200", "–", "not reached", "31.0"]
    course = rows(course_table(rounds[0], (100, 150, 200), "fvu"))
    assert course[OURS] == ["0.0100", "", "0.0050"]


def test_a_machine_that_had_other_work_to_do_is_told() -> None:
    rounds = [{OURS: result(reference=50), "peer": result(reference=90)}]
    assert "1 of 2 runs" in disturbed(rounds)


def test_a_result_survives_the_way_between_processes() -> None:
    sent = result(3.5, [Scored(25, 1.5, Score(0.5, 32.0, 0.25))])
    assert Result.from_json(sent.to_json()) == sent


def test_ours_meets_every_peer_that_has_the_architecture() -> None:
    for architecture in ARCHITECTURES:
        met = contestants(architecture)
        assert met[0] == OURS
        assert {"saelens", "dictionary-learning"} <= set(met)
    assert "sparsify" in contestants("topk")
    assert "sparsify" not in contestants("relu")
    assert contestants("topk", ["saelens"]) == [OURS, "saelens"]

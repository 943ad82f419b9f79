"""How the command line shows an SAE's figures."""

import io

import msgspec
from rich.console import Console, Group

from brainsurg_tui.commands.tables.evaluation import evaluation_tables
from engine.service import protocol as p

LITTLE = p.EvaluateResult(
    sae="r1",
    activations="acts",
    split="held_out",
    vectors=4321,
    mse=0.5,
    cosine=0.75,
    norm_ratio=0.9,
    l0=16.0,
    active_threshold=0.0,
    dead_fraction=0.25,
    seconds=2.0,
)


def shown(made: p.EvaluateResult) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=80, highlight=False).print(Group(*evaluation_tables(made)))
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


def test_what_is_not_known_is_a_dash_or_absent() -> None:
    lines = shown(LITTLE)
    assert "4,321 vectors, the documents held out of acts; 2.0 s" in lines
    assert "fvu –" in lines
    assert "cosine 0.750" in lines
    assert not any("CE" in line for line in lines)


def test_figures_of_the_model_and_a_histogram_stand_below() -> None:
    histogram = p.DensityHistogram(
        edges=[-4.0, -3.0, -2.0, -1.0, 0.0], counts=[0, 10, 0, 5], dead=3
    )
    more = {"predictions": 99, "ce_score": 0.98, "delta_ce": 0.05, "kl": 0.0625, "split": "all"}
    lines = shown(msgspec.structs.replace(LITTLE, histogram=histogram, **more))
    assert "4,321 vectors, all of acts; 2.0 s" in lines
    assert "in the model, 99 predictions" in lines
    assert "CE score 0.980" in lines
    assert "KL 0.0625" in lines
    full, half = "▓" * 30, "▓" * 15
    at = lines.index("dead 3")
    assert lines[at + 1 :] == [
        f"-3.00 to -2.00 10 {full}",
        "-2.00 to -1.00 0",
        f"-1.00 to 0.00 5 {half}",
    ]


def test_what_a_publisher_states_stands_beside_ours() -> None:
    figures: dict[str, p.Figure] = {"l0": 71.0, "ce_score": 0.99, "fvu": None}
    stated = p.StatedFigures(figures=figures, where="eval.json", protocol="It counts otherwise.")
    lines = shown(msgspec.structs.replace(LITTLE, stated=stated))
    assert "ours stated" in lines
    assert "L0 16.0 71.0" in lines
    assert "fvu – –" in lines
    assert "cosine 0.750" in lines
    assert "in the model, not measured here" in lines
    assert "CE score – 0.990" in lines
    assert "stated: in eval.json, by its publisher. It counts otherwise." in lines
    measured = shown(msgspec.structs.replace(LITTLE, stated=stated, predictions=9, ce_score=0.5))
    assert "CE score 0.500 0.990" in measured


def test_a_hostile_name_is_shown_and_never_obeyed() -> None:
    hostile = "[bold]{0}\x1b[2J"
    lines = shown(msgspec.structs.replace(LITTLE, sae=hostile, activations=hostile))
    assert not any("\x1b" in line for line in lines)
    assert sum("[bold]{0}" in line for line in lines) == 2


def test_a_histogram_of_dead_features_alone_has_no_bars() -> None:
    histogram = p.DensityHistogram(edges=[-1.0, 0.0], counts=[0], dead=7)
    assert shown(msgspec.structs.replace(LITTLE, histogram=histogram))[-1] == "dead 7"

"""How the command line shows what the engine answered."""

import io

from rich.console import Console, RenderableType

from brainsurg_tui.commands.tables.machine import status_table
from brainsurg_tui.commands.tables.snippets import snippet_table
from engine.service import protocol as p


def shown(what: RenderableType, width: int = 80) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(what)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def snippet(before: int, after: int) -> p.Snippet:
    """A text of long words around the peak."""
    tokens = [" elephantine"] * before + [" PEAK"] + [" 大きな象"] * after
    values = [0.0] * before + [7.5] + [0.0] * after
    return p.Snippet(
        text="".join(tokens),
        tokens=tokens,
        activations=values,
        peak=before,
        document=0,
        position=before,
    )


def test_a_snippet_in_one_line_has_its_peak_in_sight() -> None:
    for before, after in ((0, 0), (0, 16), (16, 0), (16, 16), (2, 2)):
        for width in (24, 80):
            lines = shown(snippet_table([snippet(before, after)], whole=False), width)
            assert len(lines) == 1
            assert lines[0].startswith("7.50  ")
            assert "PEAK" in lines[0]
    long = shown(snippet_table([snippet(16, 16)], whole=False))
    assert long[0].startswith("7.50  … elephantine")
    assert long[0].endswith("…")


def test_a_whole_snippet_takes_the_lines_that_it_needs() -> None:
    lines = shown(snippet_table([snippet(16, 0)]))
    assert " ".join(" ".join(lines).split()) == "7.50" + " elephantine" * 16 + " PEAK"


def test_the_status_names_each_gpu() -> None:
    status = p.Status(
        pid=1,
        uptime=5.0,
        version="1",
        workspace="/ws",
        device="cuda:0 NVIDIA H200",
        jobs={},
        workers=[],
        gpus=[p.Gpu(name="NVIDIA H200", used=2 * 10**9, total=150 * 10**9, utilisation=35)] * 2,
        memory_used=1,
        memory_total=2,
        clients=1,
    )
    lines = [" ".join(line.split()) for line in shown(status_table(status))]
    for number in (0, 1):
        assert f"GPU {number} NVIDIA H200, 2.00 GB of 150 GB, 35 % busy" in lines

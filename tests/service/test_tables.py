"""How the command line shows what the engine answered."""

import io

import msgspec
from rich.console import Console, RenderableType

from brainsurg_tui.commands.tables.contents import contents_tables
from brainsurg_tui.commands.tables.engine_status import status_table
from brainsurg_tui.commands.tables.grep import match_tables
from brainsurg_tui.commands.tables.jobs import queue
from brainsurg_tui.commands.tables.registry import tables_of
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


def test_figures_stay_whole_beside_long_texts() -> None:
    scores = [
        p.GrepScore(
            id=123456, f1=1.23e-5, precision=1.23e-5, recall=1.23e-5, active=n, label="x" * n
        )
        for n in (1, 900)
    ]
    report = p.GrepReport(
        pattern="x",
        matches=1,
        matched_tokens=1,
        tokens=1,
        documents=1,
        total_documents=1,
        features=scores,
    )
    lines = [line for each in match_tables(report) for line in shown(each)]
    assert [line.split()[:5] for line in lines[-2:]] == [
        ["123456", "1.23e-5", "1.23e-5", "1.23e-5", count] for count in ("1", "900")
    ]
    assert lines[-1].endswith("x…")


def test_of_many_files_some_are_named_and_all_counted() -> None:
    names = [f"activations_{n}.pt" for n in range(3000)]
    result = p.FilesResult(files=names, shapes=[[n, 64] for n in range(3000)])
    lines = [line for each in tables_of(result) for line in shown(each)]
    assert len(lines) < 6
    text = " ".join(" ".join(lines).split())
    assert "activations_0.pt, activations_1.pt" in text
    assert "… activations_2999.pt (3,000)" in text
    assert "… [2999, 64] (3,000)" in text
    few = p.FilesResult(files=names[:2], shapes=[])
    first = next(line for each in tables_of(few) for line in shown(each))
    assert first.split() == ["files", "activations_0.pt,", "activations_1.pt"]


def test_why_jobs_failed_stands_below_the_queue() -> None:
    error = "The loss is no longer a finite number at step 2. Choose a lower learning rate."
    jobs = [
        p.JobInfo(id=8, spec=p.Scan(sae="a"), state="done", created=0, started=0, ended=5),
        p.JobInfo(id=9, spec=p.Scan(sae="b"), state="failed", created=0, error=error),
    ]
    lines = [line for each in queue(jobs) for line in shown(each, 100)]
    assert [line.split()[:4] for line in lines[1:3]] == [
        ["8", "scan", "a", "done"],
        ["9", "scan", "b", "failed"],
    ]
    assert lines[3:] == ["", f"9  {error}"]
    assert len([*queue(jobs[:1])]) == 1


def test_contents_stay_within_the_screen() -> None:
    held = p.Contents(
        workspace="/ws",
        prompts=[],
        activations=[
            p.ActivationsInfo(
                name="stories.resid_post.3",
                model="/data/models/" + "a-long-name-" * 8,
                site="resid_post.3",
                d_model=64,
                tokens=1_234_567,
                documents=5,
                dtype="float32",
                bytes=316_049_152,
                origin="text",
            )
        ],
        saes=[
            p.SAEInfo(
                name="sae",
                arch="topk",
                d_in=64,
                d_sae=1024,
                k=16,
                model="demo",
                site="resid_post.3",
                activations="",
                metrics={"fvu": 0.0612},
                scanned=True,
            )
        ],
    )
    lines = [line for one in contents_tables(held) for line in shown(one)]
    assert len(lines) == 5
    assert "resid_post.3" in lines[1]
    assert lines[1].endswith("1,234,567  316 MB")
    assert lines[4].split()[:6] == ["sae", "topk", "1,024", "16", "0.0612", "streamed"]
    broken = p.DamagedInfo(kind="sae", name="b\x1b[2J", problem="It is \x1b[2J damaged.")
    held = msgspec.structs.replace(held, damaged=[broken])
    assert [line for one in contents_tables(held) for line in shown(one)][5:] == [
        "",
        "damaged  what is wrong",
        "b␛[2J    It is ␛[2J damaged.",
    ]
    empty = contents_tables(p.Contents(workspace="/ws", prompts=[], activations=[], saes=[]))
    assert [line for line in empty if line] == [
        "No activation set yet: brainsurg capture makes one.",
        "No SAE yet: brainsurg train makes one.",
    ]

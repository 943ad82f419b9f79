"""The whole chain as a user types it: the `brainsurg` command in processes of its own."""

import csv
import json
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.service.runner import Runner


@pytest.fixture(scope="module")
def stories(brainsurg: Runner, stories_model_path: Path, stories_path: Path) -> dict[str, Any]:
    """What the capture answers; the other tests build on it."""
    return brainsurg.json(
        *("capture", "stories", "--model", stories_model_path, "--site", "resid_post.3"),
        *("--text", stories_path, "--max-tokens", 60_000),
    )


@pytest.fixture(scope="module")
def sae(brainsurg: Runner, stories: dict[str, Any]) -> dict[str, Any]:
    """What the training answers."""
    options = ("--arch", "topk", "--width", 1024, "--k", 16, "--tokens", 400_000)
    return brainsurg.json("train", "sae", "--activations", "stories", *options)


def test_capture_says_what_it_wrote(brainsurg: Runner, stories: dict[str, Any]) -> None:
    assert stories["name"] == "stories"
    assert (stories["d_model"], stories["sites"]) == (64, ["resid_post.3"])
    assert stories["tokens"] == 60_000
    assert stories["bytes"] > 60_000 * 64 * 4
    summary = brainsurg.json("summary", "stories")
    assert summary["vectors"] == 60_000
    assert summary["prompts"] == stories["documents"]
    assert summary["average_tokens"] == pytest.approx(60_000 / stories["documents"])


def test_an_sae_explains_nine_tenths_of_held_out_stories(sae: dict[str, Any]) -> None:
    assert (sae["arch"], sae["d_in"], sae["d_sae"]) == ("topk", 64, 1024)
    assert sae["tokens"] >= 400_000
    metrics = sae["metrics"]
    assert metrics["explained_variance"] > 0.9
    assert metrics["fvu"] == pytest.approx(1 - metrics["explained_variance"])
    assert metrics["l0"] <= 16
    assert metrics["dead_fraction"] < 0.2


def test_the_contents_are_told(brainsurg: Runner, sae: dict[str, Any]) -> None:
    held = brainsurg.json("contents")
    (stories,) = (one for one in held["activations"] if one["name"] == "stories")
    assert (stories["site"], stories["tokens"]) == ("resid_post.3", 60_000)
    (trained,) = (one for one in held["saes"] if one["name"] == "sae")
    assert (trained["arch"], trained["d_sae"], trained["k"]) == ("topk", 1024, 16)
    assert trained["metrics"]["fvu"] == sae["metrics"]["fvu"]
    shown = brainsurg("contents").stdout
    assert "60,000" in shown
    assert "topk" in shown


def test_a_damaged_set_is_listed_as_such_and_hides_no_other(
    brainsurg: Runner, sae: dict[str, Any]
) -> None:
    folder = brainsurg.workspace / "activations" / "deep"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"x": ' + "[" * 200_000)
    held = brainsurg.json("contents")
    assert {"stories"} == {one["name"] for one in held["activations"]}
    assert "sae" in {one["name"] for one in held["saes"]}
    assert [(one["kind"], one["name"]) for one in held["damaged"]] == [("activations", "deep")]
    shown = brainsurg("contents").stdout
    assert "what is wrong" in shown
    assert "Capture the set again." in shown
    shutil.rmtree(folder)


def test_an_evaluation_tells_what_is_lost_in_the_model(
    brainsurg: Runner, sae: dict[str, Any]
) -> None:
    got = brainsurg.json("evaluate", "sae", "--histogram")
    for name in ("l0", "explained_variance", "fvu", "cosine", "dead_fraction"):
        assert got[name] == pytest.approx(sae["metrics"][name], rel=1e-9)
    assert (got["split"], got["vectors"]) == ("held_out", sae["metrics"]["vectors"])
    assert 0.9 < got["ce_score"] < 1
    assert 0 < got["delta_ce"] < 1
    assert 0 < got["kl"] < 1
    assert sum(got["histogram"]["counts"]) + got["histogram"]["dead"] == 1024
    shown = brainsurg("evaluate", "sae", "--max-tokens", 100).stdout
    assert "CE score" in shown
    assert "no activation set" in brainsurg.fails("evaluate", "sae", "--activations", "nothing")


def test_features_come_with_snippets_from_distinct_documents(
    brainsurg: Runner, sae: dict[str, Any]
) -> None:
    found = brainsurg.json("features", "sae", "--top", 3, "--by", "max")["features"]
    assert len(found) == 3
    assert found[0]["max"] >= found[1]["max"] >= found[2]["max"]
    for feature in found:
        documents = [snippet["document"] for snippet in feature["snippets"]]
        assert len(documents) == len(set(documents))
        for snippet in feature["snippets"]:
            assert "".join(snippet["tokens"]) == snippet["text"]
            peak = snippet["activations"][snippet["peak"]]
            assert peak == max(snippet["activations"])
            assert peak <= feature["max"] + 1e-5
        assert feature["promoted"]
        assert feature["suppressed"]
    assert found[0]["snippets"][0]["activations"][found[0]["snippets"][0]["peak"]] == pytest.approx(
        found[0]["max"]
    )


def test_a_label_persists_and_can_be_searched_for(brainsurg: Runner, sae: dict[str, Any]) -> None:
    feature = brainsurg.json("features", "sae", "--top", 1)["features"][0]["id"]
    brainsurg.json("label", "sae", feature, "the [bold]dog[/] \x1b[31m")
    brainsurg("engine", "stop")
    found = brainsurg.json("features", "sae", "--filter", "label ~ dog")["features"]
    assert [f["id"] for f in found] == [feature]
    assert found[0]["label"] == "the [bold]dog[/] \x1b[31m"
    shown = brainsurg("features", "sae", "--filter", "label ~ dog").stdout
    assert "[bold]dog[/]" in shown
    assert "\x1b" not in shown


def test_a_clamp_reports_effect_null_and_checks(brainsurg: Runner, sae: dict[str, Any]) -> None:
    feature = brainsurg.json("features", "sae", "--top", 1)["features"][0]["id"]
    report = brainsurg.json(
        *("clamp", "sae", "--feature", feature, "--times-max", 5, "--nulls", 20),
        *("--prompt", "Once upon a time", "The dog was", "--generate", 12),
    )
    assert (report["feature"], report["operation"]) == (feature, "clamp")
    assert [p["prompt"] for p in report["prompts"]] == ["Once upon a time", "The dog was"]
    checks = report["checks"]
    assert checks["no_op"]
    assert checks["hf_identical"]
    assert checks["error_kept"]
    for prompt in report["prompts"]:
        assert prompt["kl"] > 0
        assert len(prompt["top_dims"]) == 5
        assert all(0 <= top["dim"] < 64 for top in prompt["top_dims"])
        assert prompt["null"]["n"] == 20
        assert prompt["null"]["low"] <= prompt["null"]["high"]
        assert 1 / 21 <= prompt["null"]["p"] <= 1
        assert prompt["baseline_text"]
    assert report["reproduce"].startswith("brainsurg clamp sae")


def test_reports_of_clamps_are_kept_when_the_engine_ends(
    brainsurg: Runner, sae: dict[str, Any], tmp_path: Path
) -> None:
    options = ("--nulls", 2, "--generate", 3, "--prompt", "Once", "The =1+1")
    report = brainsurg.json("clamp", "sae", "--feature", 7, "--value", 2.0, *options)
    brainsurg("engine", "stop")
    newest = brainsurg.json("clamps")["clamps"][0]
    assert (newest["sae"], newest["edits"], newest["prompts"]) == ("sae", "7 = 2", 2)
    assert newest["kl"] == pytest.approx(sum(p["kl"] for p in report["prompts"]) / 2)
    assert brainsurg.json("clamps", "show", newest["id"]) == report
    assert "7 = 2" in brainsurg.shows("clamps", "list")

    out = tmp_path / "clamp.json"
    brainsurg.shows("clamps", "export", newest["id"], "--out", out)
    written = json.loads(out.read_bytes())
    assert (written["report"], written["request"]["nulls"]) == (report, 2)
    assert "already there" in brainsurg.fails("clamps", "export", newest["id"], "--out", out)
    table = tmp_path / "clamp.csv"
    brainsurg.shows("clamps", "export", newest["id"], "--out", table, "--format", "csv")
    rows = list(csv.DictReader(table.open()))
    assert [float(row["kl"]) for row in rows] == [p["kl"] for p in report["prompts"]]

    brainsurg.shows("clamps", "delete", newest["id"])
    assert "There is no clamp" in brainsurg.fails("clamps", "show", newest["id"])


def test_the_reproduction_line_reproduces(brainsurg: Runner, sae: dict[str, Any]) -> None:
    options = ("--ablate", "--prompt", 'Lily\'s "red" ball', "--nulls", 5, "--generate", 5)
    report = brainsurg.json("clamp", "sae", "--feature", 3, *options)
    again = brainsurg.json(*shlex.split(report["reproduce"])[1:])
    assert again["prompts"] == report["prompts"]


def test_a_clamp_with_measures_and_a_curve_is_reported_and_reproduced(
    brainsurg: Runner, sae: dict[str, Any], tmp_path: Path
) -> None:
    report = brainsurg.json(
        *("clamp", "sae", "--feature", 3, "--prompt", "Once", "Lily had", "--generate", 4),
        *("--measure", "logp:the vs was", "promoted:5", "--null", "directions"),
        *("--nulls", 3, "--most-nulls", 6, "--strengths", "-1,0,2", "--report", tmp_path / "new"),
    )
    assert [each["measure"] for each in report["pooled"]] == [
        "kl",
        "logp:the vs was",
        "promoted:5",
    ]
    assert report["curve"]["strengths"] == [-1, 0, 2]
    written = sorted(path.suffix for path in (tmp_path / "new").iterdir())
    assert written == [".csv", ".html", ".json", ".md"]
    again = brainsurg.json(*shlex.split(report["reproduce"])[1:])
    for name in ("prompts", "pooled", "curve"):
        assert again[name] == report[name]


def test_many_features_are_screened(brainsurg: Runner, sae: dict[str, Any]) -> None:
    options = ("--nulls", 3, "--most-nulls", 3, "--generate", 2, "--prompt", "Once upon")
    found = brainsurg.json("screen", "sae", "--top", 4, *options)
    first = brainsurg.json("features", "sae", "--top", 4)["features"]
    assert {each["feature"] for each in found["features"]} == {each["id"] for each in first}
    assert all(each["q"] >= each["null"]["p"] for each in found["features"])
    named = brainsurg.json("screen", "sae", "--feature", 3, 5, "--measure", "kl", *options)
    assert {each["feature"] for each in named["features"]} == {3, 5}
    assert "q ≤ 0.05" in brainsurg.shows("screen", "sae", "--feature", 3, *options)


def test_the_reconstruction_view_runs_nothing_through_the_model(
    brainsurg: Runner, sae: dict[str, Any]
) -> None:
    report = brainsurg.json(
        *("clamp", "sae", "--feature", 7, "--value", 5.0, "--view", "reconstruction"),
        *("--prompt", "Once upon a time"),
    )
    prompt = report["prompts"][0]
    assert prompt["max_abs_diff"] >= prompt["mean_abs_diff"] > 0
    assert len({top["dim"] for top in prompt["top_dims"]}) >= 1
    assert all(0 <= top["token"] < 30 and 0 <= top["dim"] < 64 for top in prompt["top_dims"])


def test_jobs_are_listed_and_can_be_detached_and_followed(
    brainsurg: Runner, sae: dict[str, Any]
) -> None:
    options = ("--activations", "stories", "--width", 64, "--k", 4, "--tokens", 4000)
    started = brainsurg("train", "small", *options, "--detach")
    followed = brainsurg.json("jobs", "follow", started.stdout.strip())
    assert followed["name"] == "small"
    listed = brainsurg.json("jobs")["jobs"]
    assert {"id", "kind", "state", "progress", "seconds"} <= listed[-1].keys()
    assert listed[-1]["state"] == "done"
    assert listed[-1]["progress"] == 1.0


def test_the_seeds_format_goes_out_and_in(brainsurg: Runner, tmp_path: Path, stories: Any) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("Once upon a time\nThe dog [red]ran[/] \x1b[2Jaway\n")
    brainsurg.json(
        *("capture", "seven", "--model", stories["model"], "--site", "resid_post.3"),
        *("--prompts", prompts, "--generate", 10),
    )
    out = brainsurg.json("export-activations", "seven", tmp_path / "out")
    assert out["files"] == ["activations_0.pt", "activations_1.pt"]
    assert all(shape[1] == 64 for shape in out["shapes"])
    back = brainsurg.json("import-activations", "back", tmp_path / "out")
    assert back["shapes"] == out["shapes"]
    assert brainsurg.json("summary", "back")["vectors"] == sum(s[0] for s in out["shapes"])


def test_sites_are_listed(brainsurg: Runner, stories: dict[str, Any]) -> None:
    sites = brainsurg.json("sites", stories["model"])["sites"]
    assert {"site": "resid_post.4", "module": "model.layers.4", "width": 64}.items() <= next(
        s for s in sites if s["site"] == "resid_post.4"
    ).items()


def test_mistakes_are_one_sentence(
    brainsurg: Runner, tmp_path: Path, stories: dict[str, Any]
) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("\n \n")
    model = stories["model"]
    text = ("--text", tmp_path / "nowhere.txt")
    capture = ("capture", "x", "--model")
    fails = brainsurg.fails
    assert "no file" in fails(*capture, model, "--site", "resid_post.3", *text)
    assert "resid_post.9" in fails(
        *capture, model, "--site", "resid_post.9", "--prompts", _prompt(tmp_path)
    )
    assert "holds no prompt" in fails(*capture, model, "--site", "resid_pre.0", "--prompts", empty)
    assert "neither a config.json nor" in fails(
        *capture, tmp_path, "--site", "resid_pre.0", "--prompts", _prompt(tmp_path)
    )
    assert "no activation set" in fails("train", "x", "--activations", "nothing")
    assert "already there" in fails("capture", "stories", *capture[2:], model, *_little(tmp_path))
    assert "no feature 5000" in fails("clamp", "sae", "--feature", 5000, "--prompt", "Hi")
    assert "column 6" in fails("features", "sae", "--filter", "max >> 3")
    assert "no job 999" in fails("jobs", "cancel", 999)


def test_activations_that_do_not_fit_or_are_damaged_are_one_sentence_and_hide_nothing(
    brainsurg: Runner, tmp_path: Path, sae: dict[str, Any]
) -> None:
    little = ("--prompts", _prompt(tmp_path))
    brainsurg.json("capture", "wide", "--model", "demo", "--site", "resid_post.0", *little)
    wrong = brainsurg.fails("scan", "sae", "--activations", "wide")
    assert "64 wide" in wrong
    shard = next((brainsurg.workspace / "activations" / "wide").glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-100])
    assert shard.name in brainsurg.fails("train", "x", "--activations", "wide")
    assert shard.name in brainsurg.fails("export-activations", "wide", tmp_path / "out")
    (brainsurg.workspace / "activations" / "wide" / "manifest.json").write_text("{")
    assert "wide" in brainsurg.fails("summary", "wide")
    assert brainsurg.json("features", "sae", "--top", 1)["features"]


def test_a_transcoder_learns_from_a_stream_and_is_scanned_and_clamped(
    brainsurg: Runner, stories_model_path: Path, stories_path: Path
) -> None:
    made = brainsurg.json(
        *("train", "streamed", "--model", stories_model_path, "--text", stories_path),
        *("--site", "mlp_in.3", "--target-site", "mlp_out.3", "--skip"),
        *("--arch", "batchtopk", "--width", 256, "--k", 16, "--tokens", 200_000),
    )
    assert {"name", "arch", "d_in", "d_sae", "steps", "tokens", "tokens_per_second"} <= made.keys()
    metrics = made["metrics"]
    assert {"loss", "l0", "dead_fraction", "ce_score", "delta_ce", "kl"} <= metrics.keys()
    assert metrics["explained_variance"] == pytest.approx(1 - metrics["fvu"])
    assert metrics["explained_variance"] > 0.4
    sites = ("--site", "mlp_in.3", "--site", "mlp_out.3")
    text = ("--text", stories_path, "--max-tokens", 3000)
    brainsurg.json("capture", "pair", "--model", stories_model_path, *sites, *text)
    brainsurg.json("scan", "streamed", "--activations", "pair.mlp_in.3")
    measured = brainsurg.json("evaluate", "streamed", "--activations", "pair.mlp_in.3")
    assert measured["target"] == "pair.mlp_out.3"
    assert measured["ce_score"] > 0.4
    found = brainsurg.json("find", "streamed", "--prompt", "Lily went to the", "--ablate", 2)
    feature = found["features"][0]["id"]
    options = ("--times-max", 2, "--prompt", "Lily went to the", "--generate", 2, "--nulls", 2)
    clamped = brainsurg.json("clamp", "streamed", "--feature", feature, *options)
    assert (clamped["site"], clamped["read_site"]) == ("mlp_out.3", "mlp_in.3")
    assert clamped["checks"]["error_kept"]


def test_a_cancelled_training_is_gone_on_with_by_its_name(
    brainsurg: Runner, stories: dict[str, Any]
) -> None:
    settings = ("--activations", "stories", "--width", 64, "--k", 4, "--tokens", 500_000)
    job = brainsurg.json("train", "halved", *settings, "--checkpoint-minutes", 0, "--detach")
    deadline = time.monotonic() + 60
    while not list((brainsurg.workspace / "checkpoints").glob("halved/step-*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    brainsurg.json("jobs", "cancel", job["id"])
    assert "--resume" in brainsurg.fails("train", "halved", *settings)
    changed = brainsurg.fails("train", "halved", "--resume", "--lr", 0.5)
    assert "begun with no --lr, and can't go on with --lr 0.5" in changed
    made = brainsurg.json("train", "halved", "--resume", "--width", 64)
    assert made["tokens"] >= 500_000
    assert "no checkpoint" in brainsurg.fails("train", "halved", "--resume")
    assert "already there" in brainsurg.fails("train", "halved", *settings)


def test_a_prompt_with_escape_sequences_is_shown_and_never_obeyed(
    brainsurg: Runner, sae: dict[str, Any]
) -> None:
    hostile = "The [bold]dog[/] \x1b[2J\x1b]0;owned\x07\u202e ran"
    clamp = ("clamp", "sae", "--feature", 3, "--nulls", 2, "--generate", 3, "--prompt", hostile)
    for view in ("model", "reconstruction"):
        shown = brainsurg(*clamp, "--view", view)
        assert shown.returncode == 0, shown.stderr
        assert "[bold]dog[/]" in shown.stdout
        assert not {"\x1b", "\x07", "\u202e"} & set(shown.stdout + shown.stderr)
    assert brainsurg.json(*clamp)["prompts"][0]["prompt"] == hostile


def _prompt(folder: Path) -> Path:
    path = folder / "prompt.txt"
    path.write_text("Once upon a time\n")
    return path


def _little(folder: Path) -> tuple[object, ...]:
    return ("--site", "resid_post.3", "--prompts", _prompt(folder))


def test_an_unwritable_workspace_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "can't be written" in Runner(tmp_path / "file" / "ws").fails("jobs")


def test_the_engine_tells_how_it_is_and_stops(brainsurg: Runner, stories: dict[str, Any]) -> None:
    brainsurg.json("jobs")
    status = brainsurg.json("engine", "status")
    assert {"pid", "uptime", "jobs", "workers", "device"} <= status.keys()
    assert brainsurg.json("engine", "stop") == {"stopped": True}
    assert brainsurg.json("engine", "status") == {"running": False}


def test_interrupting_cancels_the_job_and_ends_with_130(
    brainsurg: Runner, stories: dict[str, Any]
) -> None:
    options = ("--activations", "stories", "--tokens", 1_000_000_000, "--width", 64, "--k", 4)
    line = brainsurg.line("train", "long", *options)
    heeded = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:  # a child of what was started in the background would ignore interrupts
        running = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGINT, heeded)
    deadline = time.monotonic() + 60
    while not any(
        job["state"] == "running" and job["progress"] for job in brainsurg.json("jobs")["jobs"]
    ):
        assert time.monotonic() < deadline
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130
    assert b"Traceback" not in said
    job = brainsurg.json("jobs")["jobs"][-1]
    assert job["state"] == "cancelled"
    assert f"Go on with: brainsurg jobs resume {job['id']}" in said.decode()

"""`export-features` as a user types it: each format, what is chosen, and what is refused."""

import csv
import json
from pathlib import Path

import pytest

from tests.service.runner import Runner


@pytest.fixture(scope="module", autouse=True)
def sae(brainsurg: Runner, tmp_path_factory: pytest.TempPathFactory, tiny_llama_path: Path) -> None:
    """An SAE that is not scanned yet."""
    texts = tmp_path_factory.mktemp("export") / "texts.txt"
    texts.write_text("\n\n".join(f"Once | there was <b>a dog</b> {i}." for i in range(9)))
    place = ("--model", tiny_llama_path, "--site", "resid_post.1")
    brainsurg.json("capture", "acts", *place, "--text", texts)
    options = ("--arch", "topk", "--width", 64, "--k", 4, "--tokens", 4_000)
    brainsurg.json("train", "sae", "--activations", "acts", *options)


def exported(brainsurg: Runner, out: Path, format: str, *options: object) -> dict[str, object]:
    return brainsurg.json("export-features", "sae", out, "--format", format, *options)


def test_a_table_and_json(brainsurg: Runner, tmp_path: Path) -> None:
    shown = brainsurg.json("features", "sae", "--top", 3, "--by", "density")["features"]
    brainsurg("label", "sae", shown[1]["id"], "dogs | cats", "--tag", "pets", "--star")
    chosen = ("--top", 3, "--by", "density")
    told = exported(brainsurg, tmp_path / "f.csv", "csv", *chosen)
    assert told == {"path": str(tmp_path / "f.csv"), "features": 3}
    with (tmp_path / "f.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [int(row["feature"]) for row in rows] == [feature["id"] for feature in shown]
    assert [float(row["max"]) for row in rows] == [feature["max"] for feature in shown]
    assert [row["label"] for row in rows] == ["", "dogs | cats", ""]
    assert rows[1]["tags"] == "pets"
    top = shown[0]["snippets"][0]
    assert rows[0]["snippet"].replace("«", "").replace("»", "") == top["text"]
    assert f"«{top['tokens'][top['peak']]}»" in rows[0]["snippet"]

    (tmp_path / "f.md").write_text("mine")
    again = ("export-features", "sae", tmp_path / "f.md", "--format", "markdown")
    assert "is already there" in brainsurg.fails(*again, status=1)
    assert (tmp_path / "f.md").read_text() == "mine"
    exported(brainsurg, tmp_path / "f.md", "markdown", *chosen, "--replace")
    title, _, header, rule, *lines = (tmp_path / "f.md").read_text().splitlines()
    assert title == "# Features of sae, by density"
    assert header.count("|") == rule.count("|")
    cells = [line.replace("\\|", "").count("|") for line in lines]
    assert cells == [header.count("|")] * 3
    assert "<b>" not in "".join(lines)

    exported(brainsurg, tmp_path / "f.json", "json", *chosen)
    content = json.loads((tmp_path / "f.json").read_text())
    assert (content["sae"], content["by"]) == ("sae", "density")
    assert [feature["snippets"] for feature in content["features"]] == [
        feature["snippets"] for feature in shown
    ]


def test_dashboards_of_what_matches_a_filter(brainsurg: Runner, tmp_path: Path) -> None:
    everything = exported(brainsurg, tmp_path / "all", "neuronpedia")
    assert everything["files"] == ["batch-0.json"]
    matching = brainsurg.json("features", "sae", "--top", 64, "--filter", "id < 20")["features"]
    options = ("--filter", "id < 20", "--batch", 4)
    some = exported(brainsurg, tmp_path / "some", "neuronpedia", *options)
    assert some["features"] == len(matching) < everything["features"]
    files = [tmp_path / "some" / name for name in some["files"]]
    batches = [json.loads(file.read_text())["features"] for file in files]
    assert max(map(len, batches)) == 4
    assert [one["feature_index"] for batch in batches for one in batch] == sorted(
        feature["id"] for feature in matching
    )


def test_what_is_refused(brainsurg: Runner, tmp_path: Path, tiny_llama_path: Path) -> None:
    def fails(*options: object, out: Path = tmp_path / "out", status: int = 1) -> str:
        said = brainsurg.fails("export-features", "sae", out, *options, status=status)
        assert not (tmp_path / "out").exists()
        return said

    neuronpedia = ("--format", "neuronpedia")
    assert "already there" in fails(*neuronpedia, out=tmp_path)
    assert "model can't be had" in fails(*neuronpedia, "--model", tmp_path / "nowhere")
    assert "No feature of 64 matches" in fails("--format", "csv", "--filter", "max > 1e9")
    assert "column 1" in fails("--format", "csv", "--filter", "] < 3")
    assert "can't be written" in fails("--format", "csv", out=tmp_path)
    assert "--replace" in fails(*neuronpedia, "--replace", status=2)
    assert "--model" in fails("--format", "csv", "--model", tiny_llama_path, status=2)
    said = brainsurg.fails("export-features", "none", tmp_path / "out", *neuronpedia)
    assert "no SAE 'none'" in said

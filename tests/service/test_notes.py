"""What is written down about features, through a real engine and by the command line."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brainsurg_tui.cli import main
from engine.errors import UserError
from engine.features.catalogue.catalogue import CatalogueManifest, write_catalogue_manifest
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import save_sae
from engine.service import protocol as p
from engine.workspace.folders import Workspace
from tests.service.answering import Asker

WIDTH = 20
MAX = np.arange(WIDTH, dtype=np.float32)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with an SAE whose catalogue has two columns, and whose set was deleted."""
    workspace = Workspace.open(tmp_path_factory.mktemp("notes") / "ws")
    config = SAEConfig(architecture="topk", d_in=8, d_sae=WIDTH, k=2)
    save_sae(build(config), workspace.sae("sae"), SAEMetadata(activations="stories"))
    folder = workspace.catalogue("sae")
    (folder / "columns").mkdir(parents=True)
    np.save(folder / "columns" / "max.npy", MAX)
    np.save(folder / "columns" / "density.npy", MAX / WIDTH)
    manifest = CatalogueManifest(
        activations="stories",
        model="m",
        site="resid_post.0",
        features=WIDTH,
        alive=WIDTH - 1,
        tokens=10,
        total_tokens=10,
        documents=1,
        active_threshold=0.0,
        top_k=1,
        radius=0,
        categories=[],
        complete=True,
    )
    write_catalogue_manifest(folder, manifest)
    return workspace.root


class CountingAsker(Asker):
    """Counts what the front ends are told."""

    def __init__(self, root: Path) -> None:
        self.changes = 0
        super().__init__(Workspace.open(root), self._count)

    def _count(self, body: p.NewsBody) -> None:
        assert body == p.ContentsChanged()
        self.changes += 1


@pytest.fixture
def ask(root: Path, tmp_path: Path) -> CountingAsker:
    return CountingAsker(Path(shutil.copytree(root, tmp_path / "ws")))


async def test_a_label_by_itself_leaves_the_rest_of_the_note(ask: CountingAsker) -> None:
    note = p.Note(label="towns", tags=("place", " geo "), starred=True, text="see 4")
    await ask(p.Annotate(sae="sae", feature=3, note=note))
    await ask(p.LabelFeature(sae="sae", feature=3, text=" cities "))
    kept = p.Note(label="cities", tags=("geo", "place"), starred=True, text="see 4")
    assert (await ask(p.GetNotes(sae="sae"))).notes == {3: kept}
    assert (await ask(p.GetFeatureTable(sae="sae"))).notes == {3: kept}
    assert ask.changes == 2
    await ask(p.Annotate(sae="sae", feature=3, note=p.Note()))
    assert (await ask(p.GetNotes(sae="sae"))).notes == {}


async def test_parts_of_a_note_are_changed_by_themselves(ask: CountingAsker) -> None:
    first = p.AmendNote(sae="sae", feature=3, tag=("geo", "place"), starred=True)
    assert await ask(first) == p.Note(tags=("geo", "place"), starred=True)
    second = p.AmendNote(sae="sae", feature=3, text="long", untag=("geo", "absent"), tag=("a",))
    whole = p.Note(tags=("a", "place"), starred=True, text="long")
    assert await ask(second) == whole
    assert ask.changes == 2
    assert await ask(p.AmendNote(sae="sae", feature=3)) == whole
    assert ask.changes == 2


@pytest.mark.parametrize("feature", [-1, WIDTH, 2**40])
async def test_a_feature_that_is_not_there_keeps_no_note(ask: CountingAsker, feature: int) -> None:
    note = p.Note(label="x")
    for request in (
        p.Annotate(sae="sae", feature=feature, note=note),
        p.LabelFeature(sae="sae", feature=feature, text="x"),
        p.AmendNote(sae="sae", feature=feature, starred=True),
        p.MergeNotes(sae="sae", notes=[(1, note), (feature, note)]),
    ):
        with pytest.raises(UserError, match=r"The features of sae are 0 to 19\."):
            await ask(request)
    assert (await ask(p.GetNotes(sae="sae"))).notes == {}
    with pytest.raises(UserError, match="no SAE 'other'"):
        await ask(p.GetNotes(sae="other"))


async def test_a_filter_answers_with_a_bit_for_each_feature(ask: CountingAsker) -> None:
    await ask(p.Annotate(sae="sae", feature=3, note=p.Note(label="cities", tags=("geo",))))
    found = await ask(p.MatchFeatures(sae="sae", filter="max > 16 or tag = geo"))
    assert found.matching == 4
    bits = [found.mask[f // 8] >> f % 8 & 1 for f in range(WIDTH)]
    assert [f for f in range(WIDTH) if bits[f]] == [3, 17, 18, 19]
    assert (await ask(p.MatchFeatures(sae="sae", filter=" "))).matching == WIDTH
    with pytest.raises(UserError, match="at column 5"):
        await ask(p.MatchFeatures(sae="sae", filter="max 3"))


async def test_a_deleted_set_leaves_what_needs_no_text(ask: CountingAsker) -> None:
    assert (await ask(p.MatchFeatures(sae="sae", filter="alive"))).matching == WIDTH - 1
    with pytest.raises(UserError, match=r"'stories'.* deleted"):
        await ask(p.MatchFeatures(sae="sae", filter="snippet ~ dog"))


@pytest.fixture
def typed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Any]:
    """Runs `brainsurg`, and gives what it prints; with a status other than 0, on stderr."""
    workspace = shutil.copytree(root, tmp_path / "ws")
    monkeypatch.setenv("BRAINSURG_WORKSPACE", str(workspace))
    monkeypatch.chdir(tmp_path)

    def run(*words: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        shown = capsys.readouterr()
        assert ended.value.code == status, shown.err
        return shown.err if status else shown.out

    yield run
    run("engine", "stop")


def test_labels_from_the_command_line(typed: Any, tmp_path: Path) -> None:
    noted = typed(
        *("label", "sae", "3", "cities", "--tag", "geo", "--tag", "place", "--star"),
        *("--note", "see\n\x1b[31m4", "--json"),
    )
    note = {"label": "cities", "tags": ["geo", "place"], "starred": True, "note": "see\n\x1b[31m4"}
    assert json.loads(noted) == {"id": 3, **note}
    assert typed("label", "sae", "3", "--untag", "place", "--no-star") == ""
    shown = typed("label", "sae", "3")
    assert "cities" in shown
    assert "★" not in shown
    assert "\x1b" not in shown
    assert "Nothing is written down" in typed("label", "sae", "4")
    assert "can't be a tag" in typed("label", "sae", "4", "--tag", "a b", status=1)
    assert "0 to 19" in typed("label", "sae", "20", "x", status=1)

    for format in ("csv", "json"):
        out = tmp_path / f"labels.{format}"
        typed("labels", "export", "sae", "--format", format, "--out", str(out))
        assert typed("labels", "export", "sae", "--format", format) == out.read_text()
        told = json.loads(typed("labels", "import", "sae", str(out), "--json"))
        assert (told["new"], told["same"], told["conflicting"]) == (0, 1, [])
    assert "| 3 | cities | geo |" in typed("labels", "export", "sae", "--format", "markdown")


def test_an_export_takes_no_files_place_unasked_and_brings_formulas_back(
    typed: Any, tmp_path: Path
) -> None:
    typed("label", "sae", "3", "=1+1", "--note", "'-2")
    out = tmp_path / "labels.csv"
    out.write_text("mine")
    export = ("labels", "export", "sae", "--out", str(out))
    assert "is already there" in typed(*export, status=1)
    assert out.read_text() == "mine"
    typed(*export, "--replace")
    assert "\n3,'=1+1," in out.read_text()
    told = json.loads(typed("labels", "import", "sae", str(out), "--json"))
    assert (told["new"], told["same"], told["conflicting"]) == (0, 1, [])


def test_labels_of_others_do_not_overwrite_ours_unasked(typed: Any, tmp_path: Path) -> None:
    typed("label", "sae", "3", "cities")
    file = tmp_path / "explanations.jsonl"
    lines = [{"index": "3", "description": "towns"}, {"index": "5", "description": "verbs"}]
    file.write_text("\n".join(map(json.dumps, lines)))
    shown = typed("labels", "import", "sae", str(file))
    assert "1 new, 0 the same, 1 different" in shown
    assert "features 3: left as they were" in shown
    assert json.loads(typed("label", "sae", "3", "--json"))["label"] == "cities"
    assert "overwritten" in typed("labels", "import", "sae", str(file), "--replace")
    exported = json.loads(typed("labels", "export", "sae", "--json"))
    assert [(f["feature"], f["label"]) for f in exported["features"]] == [
        (3, "towns"),
        (5, "verbs"),
    ]
    file.write_text('{"index": 99, "description": "beyond"}')
    assert "no feature 99" in typed("labels", "import", "sae", str(file), status=1)


def test_there_is_nothing_to_export(typed: Any) -> None:
    assert "Nothing is written down" in typed("labels", "export", "sae", status=1)

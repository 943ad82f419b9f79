"""Every number of a catalogue against the same number worked out feature by feature."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import Manifest
from engine.activations.store.tokens import TokenTable
from engine.activations.store.writer import ActivationWriter
from engine.errors import UserError
from engine.features.catalogue.bins import bin_edges
from engine.features.catalogue.catalogue import Catalogue, Example
from engine.features.examples.snippets import snippets
from engine.features.scan.collect.collection import Collectors
from engine.features.scan.scan import scan
from engine.features.scan.unfinished import UnfinishedScan
from engine.progress import SILENT, Cancelled, Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig

D_MODEL, FEATURES, WORDS = 8, 20, 11
LENGTHS = [7, 1, 20, 3, 40, 5, 9, 2, 13, 6, 4, 8]
CATEGORIES = ["code", "story", "", "code", "story", "talk"] * 2
TOP_K, RADIUS = 4, 3


@dataclass
class Material:
    """What is scanned, and by what."""

    acts: ActivationSet
    sae: SparseAutoencoder

    def values(self) -> list[Tensor]:
        """[tokens, FEATURES] of each document: activations, 0 where not active."""
        threshold = self.sae.active_threshold
        with torch.no_grad():
            encoded = [self.sae.encode(self.acts.document(i)[1]) for i in range(len(LENGTHS))]
        return [z.where(z > threshold, 0) for z in encoded]


def write_set(
    folder: Path,
    categories: list[str] = CATEGORIES,
    bos_token_id: int | None = None,
    seed: int = 0,
) -> ActivationSet:
    """Random activations in shards of 16 rows, so that documents go on in the next."""
    generator = torch.Generator().manual_seed(seed)
    about = Manifest(
        model="none",
        site="resid_post.1",
        d_model=D_MODEL,
        dtype="float32",
        bos_token_id=bos_token_id,
    )
    words = [f" w{i}" for i in range(WORDS)]
    with ActivationWriter(folder, about, words, shard_bytes=16 * (D_MODEL * 4 + 16)) as writer:
        for length, category in zip(LENGTHS, categories, strict=True):
            ids = torch.randint(WORDS, (length,), generator=generator)
            ids[0] = 0  # the beginning of sequence
            acts = torch.randn(length, D_MODEL, generator=generator)
            writer.add(acts, ids, text="".join(words[i] for i in ids), category=category)
    return ActivationSet.open(folder)


@pytest.fixture(params=["topk", "seed-basic"])
def material(request: pytest.FixtureRequest, tmp_path: Path) -> Material:
    torch.set_num_threads(1)
    k = 3 if request.param == "topk" else None
    config = SAEConfig(architecture=request.param, d_in=D_MODEL, d_sae=FEATURES, k=k)
    acts = write_set(tmp_path / "stories")
    assert len(acts.manifest.shards) > 3
    return Material(acts, build(config, seed=1))


@pytest.fixture(autouse=True)
def few_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of five rows, so that documents are cut by blocks as well as by shards."""
    monkeypatch.setattr("engine.features.scan.scan.rows_per_block", lambda features: 5)


@pytest.fixture
def catalogue(material: Material, tmp_path: Path) -> Catalogue:
    scan(material.sae, material.acts, tmp_path / "catalogue", top_k=TOP_K, radius=RADIUS)
    return Catalogue.open(tmp_path / "catalogue")


def test_columns(material: Material, catalogue: Catalogue) -> None:
    values = material.values()
    everything = torch.cat(values).double()
    active = everything > 0
    columns = catalogue.columns
    np.testing.assert_allclose(columns["max"], everything.amax(0), rtol=1e-6)
    np.testing.assert_allclose(columns["density"], active.double().mean(0), rtol=1e-6)
    mean = [column[column > 0].mean() if (column > 0).any() else 0 for column in everything.T]
    np.testing.assert_allclose(columns["mean"], mean, rtol=1e-6)
    documents = torch.stack([(value > 0).any(0) for value in values]).sum(0)
    assert columns["documents"].tolist() == documents.tolist()
    manifest = catalogue.manifest
    assert (manifest.features, manifest.tokens) == (FEATURES, sum(LENGTHS))
    assert (manifest.documents, manifest.alive) == (len(LENGTHS), int(active.any(0).sum()))
    assert (manifest.activations, manifest.site) == ("stories", "resid_post.1")


def test_selectivity(material: Material, catalogue: Catalogue) -> None:
    names = catalogue.manifest.categories
    assert names == ["code", "story", "talk"]
    values = material.values()
    means = np.array(
        [
            torch.cat([v for v, c in zip(values, CATEGORIES, strict=True) if c == name])
            .double()
            .mean(0)
            .tolist()
            for name in names
        ]
    )
    highest = means.max(0)
    rest = (means.sum(0) - highest) / 2
    alive = highest > 0
    expected = (highest - rest)[alive] / (highest + rest)[alive]
    np.testing.assert_allclose(catalogue.columns["selectivity"][alive], expected, rtol=1e-5)
    assert catalogue.columns["category"][alive].tolist() == means.argmax(0)[alive].tolist()


def test_examples_are_the_strongest_of_distinct_documents(
    material: Material, catalogue: Catalogue
) -> None:
    values = material.values()
    for feature in range(FEATURES):
        peaks = [
            Example(document, int(acts[:, feature].argmax()), acts[:, feature].max().item())
            for document, acts in enumerate(values)
            if acts[:, feature].max() > 0
        ]
        expected = sorted(peaks, key=lambda example: -example.value)[:TOP_K]
        found = catalogue.examples(feature)
        assert [example[:2] for example in found] == [example[:2] for example in expected]
        assert [example.value for example in found] == pytest.approx(
            [example.value for example in expected]
        )


@pytest.mark.parametrize("radius", [None, 0, 2, 100])
def test_snippets_hold_the_tokens_and_activations_around_the_peak(
    material: Material, catalogue: Catalogue, radius: int | None
) -> None:
    table = TokenTable.open(material.acts.folder)
    values = material.values()
    reach = RADIUS if radius is None else radius  # further than the scan kept, the codes tell
    found = 0
    for feature in range(FEATURES):
        examples = catalogue.examples(feature)[:3]
        for snippet, example in zip(
            snippets(catalogue, table, feature, most=3, radius=radius), examples, strict=True
        ):
            found += 1
            document, position = example.document, example.position
            around = slice(max(0, position - reach), position + reach + 1)
            ids = material.acts.document(document)[0][around].tolist()
            assert snippet.tokens == [f" w{i}" for i in ids]
            assert snippet.text == "".join(snippet.tokens)
            expected = values[document][around, feature].tolist()
            assert snippet.activations == pytest.approx(expected, rel=1e-5, abs=1e-6)
            assert snippet.activations[snippet.peak] == example.value
            assert (snippet.document, snippet.position) == (document, position)
    assert found > FEATURES


def test_blocks_and_shards_leave_no_trace(
    material: Material, catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.features.scan.scan.rows_per_block", lambda features: 1000)
    scan(material.sae, material.acts, tmp_path / "whole", top_k=TOP_K, radius=RADIUS)
    whole = Catalogue.open(tmp_path / "whole")
    for name, column in catalogue.columns.items():
        np.testing.assert_allclose(column, whole.columns[name], rtol=1e-5)
    for feature in range(FEATURES):
        pairs = zip(catalogue.examples(feature), whole.examples(feature), strict=True)
        assert all(one[:2] == other[:2] for one, other in pairs)


def test_the_same_scan_writes_the_same_bytes(
    material: Material, catalogue: Catalogue, tmp_path: Path
) -> None:
    scan(material.sae, material.acts, tmp_path / "again", top_k=TOP_K, radius=RADIUS)
    assert contents(tmp_path / "again") == contents(catalogue.folder)


def contents(folder: Path) -> Mapping[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_beginning_of_sequence_is_left_out(material: Material, tmp_path: Path) -> None:
    with_bos = write_set(tmp_path / "with-bos", bos_token_id=0)
    scan(material.sae, with_bos, tmp_path / "c", top_k=TOP_K, radius=RADIUS)
    catalogue = Catalogue.open(tmp_path / "c")
    rows, maxima, windows = 0, torch.zeros(FEATURES), 0
    for document, acts in enumerate(material.values()):
        kept = material.acts.document(document)[0] != 0
        rows += int(kept.sum())
        if kept.any():
            maxima = torch.maximum(maxima, acts[kept].amax(0))
    assert catalogue.manifest.tokens == rows < sum(LENGTHS)
    np.testing.assert_allclose(catalogue.columns["max"], maxima, rtol=1e-6)
    for feature in range(FEATURES):
        for number, (document, position, _) in enumerate(catalogue.examples(feature)):
            assert position > 0
            if position <= RADIUS:
                windows += 1
                assert catalogue.window(feature, number)[RADIUS - position] == 0
            assert document != 1  # it holds nothing else
    assert windows


def test_another_set_of_the_same_size_is_told_from_the_scanned_one(
    material: Material, catalogue: Catalogue, tmp_path: Path
) -> None:
    catalogue.check_scanned(TokenTable.open(material.acts.folder))
    write_set(tmp_path / "again")
    catalogue.check_scanned(TokenTable.open(tmp_path / "again"))
    other = TokenTable.open(write_set(tmp_path / "other", seed=1).folder)
    assert len(other) == len(material.acts)
    with pytest.raises(UserError, match=r"'stories' is not the one that was scanned\. Scan"):
        catalogue.check_scanned(other)


def test_a_catalogue_from_before_digests_is_believed(catalogue: Catalogue, tmp_path: Path) -> None:
    path = catalogue.folder / "catalogue.json"
    manifest = msgspec.json.decode(path.read_bytes())
    del manifest["text_digest"]
    path.write_bytes(msgspec.json.encode(manifest))
    other = TokenTable.open(write_set(tmp_path / "other", seed=1).folder)
    Catalogue.open(catalogue.folder).check_scanned(other)


@pytest.mark.parametrize("categories", [[""] * 12, ["one"] * 12])
def test_without_two_categories_there_is_no_selectivity(
    categories: list[str], tmp_path: Path
) -> None:
    acts = write_set(tmp_path / "plain", categories)
    sae = build(SAEConfig(architecture="topk", d_in=D_MODEL, d_sae=FEATURES, k=3))
    manifest, _ = scan(sae, acts, tmp_path / "catalogue")
    columns = Catalogue.open(tmp_path / "catalogue").columns
    assert manifest.categories == []
    assert set(columns) == {"max", "mean", "std", "count", "density", "documents"}


def test_activations_of_another_width_are_refused(material: Material, tmp_path: Path) -> None:
    sae = build(SAEConfig(architecture="topk", d_in=D_MODEL + 1, d_sae=FEATURES, k=3))
    with pytest.raises(UserError, match="8 wide"):
        scan(sae, material.acts, tmp_path / "catalogue")
    assert not (tmp_path / "catalogue").exists()


class CancelAt:
    """Progress that cancels after so many calls, and says so in advance, as a worker's does."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    @property
    def interrupted(self) -> bool:
        return self.left == 0

    def __call__(self, *_: object, **__: object) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled

    def note(self, text: str) -> None:
        return


@pytest.mark.parametrize("calls", [0, 3, 30])
def test_a_cancelled_scan_leaves_the_old_catalogue(
    material: Material, catalogue: Catalogue, calls: int
) -> None:
    before = contents(catalogue.folder)
    with pytest.raises(Cancelled):
        scan(
            material.sae,
            material.acts,
            catalogue.folder,
            replace=True,
            progress=CancelAt(calls),
        )
    assert contents(catalogue.folder) == before
    assert {path.name for path in catalogue.folder.parent.iterdir()} == {"catalogue", "stories"}


@pytest.mark.parametrize("calls", [0, 1, 4, 11, 15])
def test_an_interrupted_scan_can_be_read_and_goes_on_to_the_same_bytes(
    material: Material, catalogue: Catalogue, tmp_path: Path, calls: int
) -> None:
    unfinished = tmp_path / "unfinished"

    def go_on(progress: CancelAt | None) -> None:
        scan(
            material.sae,
            material.acts,
            tmp_path / "resumed",
            top_k=TOP_K,
            radius=RADIUS,
            unfinished=unfinished,
            progress=progress,
        )

    for _ in range(2):  # twice, so that what goes on is interrupted, too
        with pytest.raises(Cancelled):
            go_on(CancelAt(calls))
        partial = Catalogue.open(unfinished)
        seen = partial.manifest.tokens
        assert not partial.manifest.complete
        assert partial.codes is None
        everything = torch.cat(material.values())[:seen]
        np.testing.assert_allclose(
            partial.columns["count"], (everything > 0).sum(0), err_msg=str(seen)
        )
        np.testing.assert_allclose(
            partial.columns["max"], everything.amax(0) if seen else np.zeros(FEATURES), rtol=1e-5
        )
    go_on(None)
    assert not unfinished.exists()
    assert contents(tmp_path / "resumed") == contents(catalogue.folder)


@pytest.mark.parametrize("damage", ["removed", "empty", "cut", "longer", "other type"])
def test_of_a_damaged_unfinished_scan_nothing_is_taken(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    whole, unfinished = tmp_path / "whole", tmp_path / "unfinished"
    with pytest.raises(Cancelled):
        scan_on(material, tmp_path / "never", whole, CancelAt(11))
    asked: list[tuple[UnfinishedScan, Callable[[], Collectors]]] = []

    def listen(saved: UnfinishedScan, new: Callable[[], Collectors], _: Progress) -> None:
        asked.append((saved, new))
        raise Cancelled

    restore = UnfinishedScan.restore
    monkeypatch.setattr(UnfinishedScan, "restore", listen)
    with pytest.raises(Cancelled):
        scan_on(material, tmp_path / "never", unfinished)
    ((saved, new),) = asked
    empty = new().state()
    files = sorted(path.relative_to(whole) for path in whole.rglob("*.npy"))
    assert len(files) > 20
    shutil.copytree(whole, unfinished)
    for file in [*files, Path("scan.json")]:
        damage_file(unfinished / file, damage)
        found, start = restore(saved, new, SILENT)
        if start:  # that column follows from the others
            assert file.with_suffix("").as_posix() not in empty
        else:
            for path, array in found.state().items():
                np.testing.assert_array_equal(array, empty[path], err_msg=str(file))
        shutil.copy(whole / file, unfinished / file)


@pytest.mark.parametrize("file", ["state/last_sampled.npy", "state/recent_offsets.npy"])
def test_a_scan_that_begins_anew_ends_with_the_same_bytes(
    material: Material, catalogue: Catalogue, tmp_path: Path, file: str
) -> None:
    unfinished = tmp_path / "unfinished"
    with pytest.raises(Cancelled):
        scan_on(material, tmp_path / "resumed", unfinished, CancelAt(11))
    damage_file(unfinished / file, "empty")
    scan_on(material, tmp_path / "resumed", unfinished)
    assert contents(tmp_path / "resumed") == contents(catalogue.folder)
    assert not unfinished.exists()


def scan_on(
    material: Material, folder: Path, unfinished: Path, progress: CancelAt | None = None
) -> None:
    """The scan of the catalogue, from where an unfinished one stands."""
    scan(
        material.sae,
        material.acts,
        folder,
        top_k=TOP_K,
        radius=RADIUS,
        unfinished=unfinished,
        progress=progress,
    )


def damage_file(path: Path, damage: str) -> None:
    """Do to a file what a power cut or another program may have done."""
    if damage == "removed":
        path.unlink()
    elif damage == "empty" or path.suffix != ".npy":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "longer":
        np.save(path, np.concatenate([array := np.load(path), array[:1]]))
    else:
        np.save(path, np.load(path).astype(np.complex128))


def test_a_scan_of_something_else_begins_anew(
    material: Material, catalogue: Catalogue, tmp_path: Path
) -> None:
    unfinished = tmp_path / "unfinished"
    with pytest.raises(Cancelled):
        scan(
            material.sae,
            material.acts,
            tmp_path / "other",
            top_k=TOP_K + 1,
            radius=RADIUS,
            unfinished=unfinished,
            progress=CancelAt(11),
        )
    scan(
        material.sae,
        material.acts,
        tmp_path / "other",
        top_k=TOP_K,
        radius=RADIUS,
        unfinished=unfinished,
    )
    assert contents(tmp_path / "other") == contents(catalogue.folder)


def test_histogram_sample_activity_and_codes_of_every_feature(
    material: Material, catalogue: Catalogue
) -> None:
    values = material.values()
    everything = torch.cat(values)
    codes = catalogue.codes
    assert codes is not None
    assert codes.tokens == len(everything)
    for feature in range(FEATURES):
        acts = everything[:, feature]
        rows, found = codes.active(feature)
        assert rows.tolist() == acts.nonzero().flatten().tolist()
        np.testing.assert_allclose(found, acts[acts > 0], rtol=1e-5)
        expected, _ = np.histogram(found, bin_edges())
        assert catalogue.histogram(feature).tolist() == expected.tolist()
        sample = catalogue.sample(feature)
        assert len(sample) == min(40, len(found))
        assert [e.value for e in sample] == sorted(e.value for e in sample)
        for example in sample:
            at = values[example.document][example.position, feature].item()
            assert example.value == pytest.approx(at, rel=1e-5)
        for category, mean, density in catalogue.activity(feature):
            here = torch.cat([v for v, c in zip(values, CATEGORIES, strict=True) if c == category])[
                :, feature
            ]
            assert mean == pytest.approx(here.mean().item(), rel=1e-5)
            assert density == pytest.approx((here > 0).float().mean().item(), rel=1e-5)

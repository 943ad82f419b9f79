"""What rows are, against NumPy's own median and a rule written out."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import MANIFEST, ROW_KINDS, Manifest, read_manifest
from engine.activations.store.norms import row_norms
from engine.activations.store.row_kinds import are_taken, kinds_of, measure_rule
from engine.activations.store.row_kinds_files import MEASURED, read_row_kinds, read_row_summary
from engine.activations.store.row_summary import RowKind, SinkRule
from engine.activations.store.tokens import TokenTable
from engine.activations.store.writer import ActivationWriter
from engine.errors import UserError
from engine.files import sha256

BOS, END = 0, 1
D = 8


def write(folder: Path, documents, *, special=(), dtype="float32", rows_per_shard=7, **about):
    """A set of documents, each activations [tokens, D] and token ids [tokens]."""
    manifest = Manifest(
        model="m",
        site="resid_post.0",
        d_model=D,
        dtype=dtype,
        bos_token_id=BOS,
        special_token_ids=list(special),
        **about,
    )
    row_bytes = D * getattr(torch, dtype).itemsize + 16
    with ActivationWriter(
        folder, manifest, ["x"] * 9, shard_bytes=rows_per_shard * row_bytes
    ) as writer:
        for acts, ids in documents:
            writer.add(acts, torch.tensor(ids), text="")
    return ActivationSet.open(folder, verify=True)


def as_older_version_wrote(folder: Path) -> None:
    """Take norms out of the shards of a set, and what was measured out of its manifest."""
    manifest = read_manifest(folder)
    shards = []
    for shard in manifest.shards:
        path = folder / shard.file
        tensors = load_file(path)
        del tensors["norms"]
        save_file(tensors, path)
        changed = {"bytes": path.stat().st_size, "sha256": sha256(path)}
        shards.append(msgspec.structs.replace(shard, **changed))
    sums = {name: digest for name, digest in manifest.checksums.items() if name != ROW_KINDS}
    fields = msgspec.to_builtins(msgspec.structs.replace(manifest, shards=shards, checksums=sums))
    del fields["row_summary"], fields["special_token_ids"]
    (folder / MANIFEST).write_bytes(msgspec.json.encode(fields))
    (folder / ROW_KINDS).unlink()


def made_documents(seed=0, count=9):
    """Texts that begin with BOS (long itself), then a sink; one more sink stands inside each."""
    generator = torch.Generator().manual_seed(seed)
    documents = []
    for index in range(count):
        acts = torch.randn(6 + index, D, generator=generator)
        acts[[0, 1, 4]] *= torch.tensor([[5000.0], [300.0], [40.0 + index]])
        documents.append((acts, [BOS, *range(2, 7), *[7] * index]))
    return documents


norms_lists = st.lists(
    st.floats(0, 2.0**127, width=32) | st.just(float("nan")) | st.floats(1, 2, width=32),
    max_size=50,
)


@given(norms=norms_lists, cut=st.integers(0, 50), multiple=st.sampled_from([1.5, 10.0, 100.0]))
def test_the_median_is_that_of_sorting_however_norms_are_cut(norms, cut, multiple):
    array = np.array(norms, np.float32)
    rule = measure_rule(lambda: iter([array[:cut], array[cut:]]), multiple)
    own = np.sort(array[array > 0])
    if not len(own):
        assert rule is None
        return
    assert rule is not None
    assert rule.median_norm == own[(len(own) - 1) // 2]
    assert rule.max_norm == np.float32(min(multiple * float(rule.median_norm), 3.4028235e38))


def test_norms_are_true_for_all_that_is_finite_and_nan_for_all_else():
    acts = torch.randn(6, 5)
    acts[1] *= 1e30
    acts[2] = torch.finfo(torch.float32).max
    acts[3, 2] = torch.nan
    acts[4, 0] = -torch.inf
    norms = row_norms(acts)
    expected = acts.double().square().sum(1).sqrt()
    torch.testing.assert_close(norms[[0, 1, 5]].double(), expected[[0, 1, 5]])
    assert norms[2] == torch.finfo(torch.float32).max
    assert norms[3:5].isnan().all()
    half = torch.full((2, 4000), 6e4, dtype=torch.float16)
    torch.testing.assert_close(
        row_norms(half), half.double().norm(dim=1).float(), rtol=1e-5, atol=0
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_kinds_are_those_of_the_rule_written_out(tmp_path, dtype):
    documents = made_documents()
    documents[3][0][5, 2] = torch.nan
    documents[5][0][0] = torch.inf
    documents[6][0][4] = 0
    acts = write(tmp_path / "a", documents, dtype=dtype, special=[BOS, END, 3])
    stored = torch.cat([shard.acts for shard in acts.shards()]).double().numpy()
    ids = torch.cat([shard.token_ids for shard in acts.shards()]).numpy()
    with np.errstate(invalid="ignore"):
        norms = np.sqrt((stored**2).sum(1))
    finite = np.isfinite(stored).all(1)
    text = norms[finite & ~np.isin(ids, [BOS, END, 3]) & (norms > 0)]
    median = np.sort(text)[(len(text) - 1) // 2]
    expected = [
        RowKind.NONFINITE
        if not ok
        else RowKind.START
        if id == BOS
        else RowKind.SPECIAL
        if id == 3
        else RowKind.SINK
        if norm > 10 * median
        else RowKind.TEXT
        for ok, id, norm in zip(finite, ids, norms, strict=True)
    ]
    summary, kinds = acts.measure_rows()
    assert kinds.tolist() == expected
    assert {RowKind(kind) for kind in expected} == set(RowKind)
    assert summary.rule is not None
    assert summary.rule.median_norm == pytest.approx(median, rel=1e-6)
    counts = {kind.name.lower(): expected.count(kind) for kind in RowKind}
    assert msgspec.to_builtins(summary.counts) == counts
    assert read_manifest(acts.folder).row_summary == summary
    assert are_taken(kinds).sum() == counts["text"]
    assert are_taken(kinds, "finite").sum() == len(ids) - counts["nonfinite"]


def test_a_set_of_an_older_version_is_measured_once_and_its_manifest_stays(tmp_path):
    new = write(tmp_path / "new", made_documents())
    shutil.copytree(new.folder, tmp_path / "old")
    as_older_version_wrote(tmp_path / "old")
    manifest = (tmp_path / "old" / MANIFEST).read_bytes()
    old = ActivationSet.open(tmp_path / "old", verify=True)
    assert read_row_summary(old.folder, old.manifest) is None
    assert read_row_kinds(old.folder, old.manifest) is None
    digest = TokenTable.open(old.folder).text_digest
    summary, kinds = old.measure_rows()
    assert summary == new.measure_rows().summary
    assert kinds.tolist() == new.measure_rows().kinds.tolist()
    assert (old.folder / MANIFEST).read_bytes() == manifest
    assert TokenTable.open(old.folder).text_digest == digest
    assert digest == TokenTable.open(new.folder).text_digest
    again = ActivationSet.open(old.folder)
    again.shards = lambda: pytest.fail("the activations are read again")
    assert again.measure_rows().kinds.tolist() == kinds.tolist()
    assert read_row_summary(old.folder, old.manifest) == summary


@pytest.mark.parametrize("name", [ROW_KINDS, MEASURED])
@pytest.mark.parametrize("content", [b"", b"{}", b"\x93NUMPY"])
def test_what_was_measured_later_and_is_damaged_is_measured_again(tmp_path, name, content):
    new = write(tmp_path / "set", made_documents())
    expected = new.measure_rows().kinds.tolist()
    as_older_version_wrote(new.folder)
    ActivationSet.open(new.folder).measure_rows()
    (new.folder / name).write_bytes(content)
    assert ActivationSet.open(new.folder).measure_rows().kinds.tolist() == expected
    assert ActivationSet.open(new.folder).measure_rows().kinds.tolist() == expected


def test_where_nothing_can_be_written_it_is_measured_in_memory(tmp_path, monkeypatch):
    new = write(tmp_path / "set", made_documents())
    expected = new.measure_rows().kinds.tolist()
    as_older_version_wrote(new.folder)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("engine.activations.store.row_kinds_files.write_row_kinds", refuse)
    assert ActivationSet.open(new.folder).measure_rows().kinds.tolist() == expected
    assert not (new.folder / ROW_KINDS).exists()


@pytest.mark.parametrize("content", [None, b"", b"\x93NUMPY"])
def test_a_set_whose_kinds_are_missing_or_damaged_is_refused_by_name(tmp_path, content):
    folder = write(tmp_path / "set", made_documents()).folder
    (folder / ROW_KINDS).unlink()
    if content is not None:
        (folder / ROW_KINDS).write_bytes(content)
    with pytest.raises(UserError, match=ROW_KINDS):
        ActivationSet.open(folder).measure_rows()


def test_without_text_there_is_no_rule(tmp_path):
    acts = write(tmp_path / "set", [(torch.full((3, D), torch.nan), [2, 3, 4])])
    assert acts.measure_rows().summary.rule is None
    assert acts.measure_rows().summary.counts.nonfinite == 3
    kinds = kinds_of(np.array([1, 5e9], np.float32), np.array([2, BOS]), start_ids=[BOS], rule=None)
    assert kinds.tolist() == [RowKind.TEXT, RowKind.START]


def test_what_lies_on_the_threshold_is_no_sink():
    rule = SinkRule.of_median(0.1, 3.0)
    norms = np.array([rule.max_norm, np.nextafter(np.float32(rule.max_norm), np.float32(9))])
    kinds = kinds_of(norms.astype(np.float32), np.array([5, 5]), start_ids=[], rule=rule)
    assert kinds.tolist() == [RowKind.TEXT, RowKind.SINK]
    same = torch.tensor(norms, dtype=torch.float32) > rule.max_norm
    assert same.tolist() == [False, True]

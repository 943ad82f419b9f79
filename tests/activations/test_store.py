"""The store: what is written is what is read, and a damaged set says which file is at fault."""

import hashlib
import json

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import (
    Manifest,
    read_documents_table,
    read_manifest,
    read_vocabulary,
)
from engine.activations.store.row_summary import RowCounts
from engine.activations.store.summary import Summary, summarise
from engine.activations.store.writer import ActivationWriter
from engine.errors import UserError

ABOUT = Manifest(model="m", site="resid_post.0", d_model=3, dtype="float32")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_rows_come_back_bit_for_bit_across_shards(written, dtype):
    made = written([5, 1, 0, 13, 7], dtype=dtype, rows_per_shard=4)
    acts = ActivationSet.open(made.folder, verify=True)

    assert len(acts) == 26
    assert acts.d_model == 6
    assert len(acts.manifest.shards) == 7
    assert torch.equal(acts.rows(torch.arange(26)), made.acts)
    mixed = torch.tensor([25, 0, 3, 4, 3, 17])
    assert torch.equal(acts.rows(mixed), made.acts[mixed])
    shards = list(acts.shards())
    assert torch.equal(torch.cat([shard.acts for shard in shards]), made.acts)
    assert torch.equal(torch.cat([shard.token_ids for shard in shards]), made.token_ids.int())
    assert [shard.start for shard in shards] == [0, 4, 8, 12, 16, 20, 24]


def test_every_row_knows_its_document_and_position(written):
    made = written([5, 1, 0, 13, 7], rows_per_shard=4)
    shards = list(ActivationSet.open(made.folder).shards())

    documents = torch.cat([shard.document_ids for shard in shards]).tolist()
    positions = torch.cat([shard.positions for shard in shards]).tolist()
    expected = [(d, p) for d, length in enumerate(made.lengths) for p in range(length)]
    assert list(zip(documents, positions, strict=True)) == expected


def test_documents_come_back_with_their_texts(written):
    made = written([5, 1, 0, 13, 7], rows_per_shard=4)
    acts = ActivationSet.open(made.folder)

    for number, part in enumerate(made.acts.split(made.lengths)):
        ids, document = acts.document(number)
        assert torch.equal(document, part)
        assert torch.equal(ids, made.token_ids.split(made.lengths)[number].int())
    table = read_documents_table(made.folder)
    assert [document.tokens for document in table] == made.lengths
    assert [document.start for document in table] == [0, 5, 6, 6, 19]
    assert (table[3].text, table[3].category, table[3].generated) == ("text 3", "kind 1", " and 3")
    assert read_vocabulary(made.folder)[19] == " t19"


def test_a_document_may_be_written_in_pieces(tmp_path):
    acts, ids = torch.randn(10, 3), torch.arange(10)
    with ActivationWriter(tmp_path / "a", ABOUT, [], shard_bytes=4 * 28) as writer:
        writer.begin(text="one")
        for part in (slice(0, 3), slice(3, 9)):
            writer.extend(acts[part], ids[part])
        writer.begin(text="two")
        writer.extend(acts[9:], ids[9:])

    read = ActivationSet.open(tmp_path / "a")
    assert torch.equal(read.document(0)[1], acts[:9])
    assert torch.equal(read.document(1)[1], acts[9:])
    assert [shard.tokens for shard in read.manifest.shards] == [4, 4, 2]


def test_shards_are_plain_safetensors_of_bounded_size_with_true_checksums(written):
    made = written([100], d_model=16, rows_per_shard=30)
    manifest = read_manifest(made.folder)

    for shard in manifest.shards:
        data = (made.folder / shard.file).read_bytes()
        assert len(data) == shard.bytes < 30 * (16 * 4 + 16) + 1024
        assert hashlib.sha256(data).hexdigest() == shard.sha256
        assert load_file(made.folder / shard.file)["activations"].shape == (shard.tokens, 16)


def test_the_same_rows_make_the_same_bytes(written):
    folders = [written([5, 8], rows_per_shard=4).folder for _ in range(2)]
    contents = [{p.name: p.read_bytes() for p in folder.iterdir()} for folder in folders]
    assert contents[0] == contents[1]


def test_nothing_appears_when_writing_fails(tmp_path):
    writer = ActivationWriter(tmp_path / "a", ABOUT, [], shard_bytes=48)
    with pytest.raises(RuntimeError, match="power cut"), writer:
        writer.add(torch.ones(9, 3), torch.arange(9), text="one")
        raise RuntimeError("power cut")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_set_is_not_overwritten(written):
    made = written([3])
    with pytest.raises(UserError, match="already there"), ActivationWriter(made.folder, ABOUT, []):
        pass
    assert len(ActivationSet.open(made.folder, verify=True)) == 3


def test_values_beyond_the_dtype_of_the_store_are_refused(tmp_path):
    acts = torch.ones(4, 3)
    acts[2, 1] = 1e5
    acts[1, 0] = float("nan")
    writer = ActivationWriter(tmp_path / "a", msgspec.structs.replace(ABOUT, dtype="float16"), [])
    with pytest.raises(UserError, match="beyond what float16 can hold"), writer:
        writer.add(acts, torch.arange(4), text="one")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_rows_that_are_not_finite_are_stored_and_counted(tmp_path, value, dtype):
    acts = torch.ones(4, 3)
    acts[2, 1] = value
    about = msgspec.structs.replace(ABOUT, dtype=dtype)
    with ActivationWriter(tmp_path / "a", about, []) as writer:
        writer.add(acts, torch.arange(4), text="one")
    assert writer.manifest.row_summary.counts == RowCounts(text=3, nonfinite=1)
    assert torch.equal(
        ActivationSet.open(tmp_path / "a").rows(torch.arange(2)), acts[:2].to(getattr(torch, dtype))
    )


def test_an_empty_set_is_refused(tmp_path):
    writer = ActivationWriter(tmp_path / "a", ABOUT, [])
    with pytest.raises(UserError, match="nothing to store"), writer:
        writer.begin(text="nothing")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_dtype_is_refused(tmp_path):
    with pytest.raises(UserError, match="int8"):
        ActivationWriter(tmp_path / "a", msgspec.structs.replace(ABOUT, dtype="int8"), [])


def test_a_truncated_shard_is_named(written):
    made = written([9], rows_per_shard=4)
    shard = made.folder / "activations-00001.safetensors"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"activations-00001\.safetensors has been truncated"):
        ActivationSet.open(made.folder)


def test_a_missing_shard_is_named(written):
    made = written([9], rows_per_shard=4)
    (made.folder / "activations-00002.safetensors").unlink()
    with pytest.raises(UserError, match=r"activations-00002\.safetensors is missing"):
        ActivationSet.open(made.folder)


@pytest.mark.parametrize(
    "name", ["activations-00001.safetensors", "documents.jsonl", "vocabulary.json"]
)
def test_one_flipped_bit_is_found_by_checksum(written, name):
    made = written([9], rows_per_shard=4)
    path = made.folder / name
    data = bytearray(path.read_bytes())
    data[data.rindex(b"t") if path.suffix != ".safetensors" else -1] ^= 1
    path.write_bytes(data)
    ActivationSet.open(made.folder)
    with pytest.raises(UserError, match=name):
        ActivationSet.open(made.folder, verify=True)


def test_a_shard_of_another_shape_but_the_same_size_is_found_without_checksums(written):
    made = written([8], d_model=6)
    path = made.folder / "activations-00000.safetensors"
    tensors = load_file(path)
    tensors["activations"] = tensors["activations"].reshape(6, 8)
    save_file(tensors, path)
    with pytest.raises(UserError, match=r"activations-00000\.safetensors is not the one"):
        ActivationSet.open(made.folder)


def test_a_shard_whose_header_is_overwritten_is_named(written):
    made = written([8])
    path = made.folder / "activations-00000.safetensors"
    path.write_bytes(b"\xff" * path.stat().st_size)
    with pytest.raises(UserError, match=r"activations-00000\.safetensors has been altered"):
        ActivationSet.open(made.folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"tokens": 10}, "contradicts itself"),
        ({"documents": 3}, "does not fit"),
        ({"format_version": 2}, "format 2"),
        ({"shards": "none"}, "damaged"),
        ({"dtype": "float128"}, "names the dtype 'float128'"),
        (
            {"shards": [{"file": "../a", "tokens": 9, "bytes": 1, "sha256": ""}]},
            "outside its folder",
        ),
    ],
)
def test_a_manifest_that_cannot_be_trusted_is_refused(written, change, sentence):
    made = written([4, 5])
    path = made.folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=sentence):
        ActivationSet.open(made.folder)


@pytest.mark.parametrize("name", ["manifest.json", "vocabulary.json"])
def test_a_table_that_is_nested_beyond_reason_is_damaged(written, name):
    made = written([4])
    (made.folder / name).write_text('{"x": ' + "[" * 200_000 + "]" * 200_000 + "}")
    read = read_manifest if name == "manifest.json" else read_vocabulary
    with pytest.raises(UserError, match=f"{name} is damaged"):
        read(made.folder)


@pytest.mark.parametrize("name", ["documents.jsonl", "vocabulary.json"])
def test_a_missing_table_is_named(written, name):
    made = written([4])
    (made.folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        ActivationSet.open(made.folder)


def test_a_folder_that_is_no_set_is_refused(tmp_path):
    with pytest.raises(UserError, match="no activation set"):
        ActivationSet.open(tmp_path)


def test_another_width_is_refused(written):
    acts = ActivationSet.open(written([4], d_model=6).folder)
    acts.check_width(6)
    with pytest.raises(UserError, match="6 wide, not 1152"):
        acts.check_width(1152)


@pytest.mark.parametrize("row", [-1, 9])
def test_rows_that_are_not_there_are_an_error(written, row):
    acts = ActivationSet.open(written([9]).folder)
    with pytest.raises(IndexError):
        acts.rows(torch.tensor([0, row]))


def test_the_summary_counts_prompts_and_vectors(written):
    manifest = read_manifest(written([49, 29, 50, 50, 47, 53, 31], d_model=5).folder)
    assert summarise(manifest) == Summary(prompts=7, average_tokens=309 / 7, d_model=5, vectors=309)


def test_a_reader_without_this_project_finds_plain_tensors(written):
    made = written([9])
    with safe_open(made.folder / "activations-00000.safetensors", framework="np") as file:
        assert set(file.offset_keys()) == {
            "activations",
            "token_ids",
            "document_ids",
            "positions",
            "norms",
        }


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any),
    rows_per_shard=st.integers(1, 12),
    data=st.data(),
)
def test_any_rows_of_any_set_are_those_that_were_written(written, lengths, rows_per_shard, data):
    made = written(lengths, rows_per_shard=rows_per_shard)
    wanted = torch.tensor(
        data.draw(st.lists(st.integers(0, sum(lengths) - 1), max_size=20)), dtype=torch.int64
    )
    assert torch.equal(ActivationSet.open(made.folder).rows(wanted), made.acts[wanted])

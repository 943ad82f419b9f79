"""The token table: what a snippet needs, without torch."""

import subprocess
import sys

import pytest

from engine.activations.store.tokens import TokenTable
from engine.errors import UserError


def test_any_stretch_of_rows_across_shards(written):
    made = written([5, 1, 0, 13, 7], rows_per_shard=4, dtype="bfloat16")
    table = TokenTable.open(made.folder)
    places = [(d, p) for d, length in enumerate(made.lengths) for p in range(length)]

    assert len(table) == 26
    for first, last in [(0, 26), (3, 5), (4, 8), (7, 7), (25, 26), (26, 26), (1, 23)]:
        assert table.token_ids(first, last).tolist() == made.token_ids[first:last].tolist()
        found = zip(table.document_ids(first, last), table.positions(first, last), strict=True)
        assert list(found) == places[first:last]
    assert table.document_bounds.tolist() == [0, 5, 6, 6, 19, 26]
    with pytest.raises(IndexError):
        table.token_ids(20, 27)


def test_a_window_holds_the_neighbours_and_ends_with_its_document(written):
    made = written([5, 9, 3], rows_per_shard=4)
    table = TokenTable.open(made.folder)
    texts = [f" t{i}" for i in made.token_ids[5:14].tolist()]

    window = table.window(1, 4, before=2, after=3)
    assert (window.document, window.first, window.tokens) == (1, 2, texts[2:8])
    assert window.ids == made.token_ids[7:13].tolist()
    whole = table.window(1, 0, before=100, after=100)
    assert (whole.first, whole.tokens) == (0, texts)
    assert table.window(1, 8, before=0, after=0).tokens == texts[8:]


def test_a_window_ends_where_the_models_sight_ended(written):
    made = written([3, 20], context=8)
    table = TokenTable.open(made.folder)
    ids = made.token_ids[3:].tolist()

    for position, (first, last) in {0: (0, 8), 7: (0, 8), 8: (8, 16), 19: (16, 20)}.items():
        window = table.window(1, position, before=100, after=100)
        assert (window.first, window.ids) == (first, ids[first:last])


def test_the_digest_is_that_of_the_texts_and_not_of_the_shards(written):
    one, other = (TokenTable.open(written([5, 9], rows_per_shard=n).folder) for n in (4, 100))
    assert one.text_digest == other.text_digest
    split_otherwise = TokenTable.open(written([6, 8], rows_per_shard=4).folder)
    assert split_otherwise.text_digest != one.text_digest


@pytest.mark.parametrize(("document", "position"), [(-1, 0), (2, 0), (0, 5), (0, -1)])
def test_places_that_are_not_there_are_an_error(written, document, position):
    with pytest.raises(IndexError):
        TokenTable.open(written([5, 4]).folder).window(document, position, before=1, after=1)


def test_ids_beyond_the_vocabulary_are_spelled_out(written):
    table = TokenTable.open(written([5]).folder)
    assert [table.text(i) for i in (0, 19, 20, -1)] == [" t0", " t19", "<20>", "<-1>"]


def test_a_damaged_set_is_refused(written):
    made = written([9], rows_per_shard=4)
    (made.folder / "activations-00002.safetensors").unlink()
    with pytest.raises(UserError, match="activations-00002"):
        TokenTable.open(made.folder)


def test_tokens_are_read_without_torch(written):
    folder = written([5, 9], dtype="bfloat16").folder
    program = f"""
import sys
from pathlib import Path
import engine.activations.corpus, engine.activations.store.summary
import engine.activations.seed.metadata, engine.activations.seed.tokens
from engine.activations.store.manifest import read_documents_table, read_manifest
from engine.activations.store.tokens import TokenTable
folder = Path({str(folder)!r})
print(read_manifest(folder).site, len(read_documents_table(folder)))
print(len(TokenTable.open(folder).window(1, 3, before=2, after=2).tokens))
print([name for name in ("torch", "transformers") if name in sys.modules])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split("\n")[:3] == ["resid_post.1 2", "5", "[]"]

"""Shuffled batches: every row once an epoch, in an order that one number brings back."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from engine.activations.batches.stored import StoredBatches, split_documents
from engine.activations.store.activation_set import ActivationSet
from engine.errors import UserError

ROW_BYTES = 6 * 4


@pytest.fixture(scope="module")
def acts(written) -> ActivationSet:
    """700 rows that carry their own place, see `names`."""
    return ActivationSet.open(numbered(written, [100] * 7, rows_per_shard=90))


def numbered(written, lengths, **options):
    folder = written(lengths, **options).folder
    for path in folder.glob("*.safetensors"):
        tensors = load_file(path)
        tensors["activations"][:, 0] = tensors["document_ids"] * 1000.0 + tensors["positions"]
        save_file(tensors, path)
    return folder


def draw(batches):
    """The next batch of a single set: [batch, d_model]."""
    (rows,) = next(batches).values()
    return rows


def names(batch):
    """Which (document, position) each row of a batch is, as document * 1000 + position."""
    return batch[:, 0].int().tolist()


def every_row(acts, rows):
    return sorted(names(acts.rows(rows)))


@settings(max_examples=25, deadline=None)
@given(
    share=st.sampled_from([1, 2, 7]),
    batch=st.integers(1, 1500),
    seed=st.integers(0, 2**32),
    window=st.integers(20, 800),
)
def test_every_row_comes_once_an_epoch(acts, share, batch, seed, window):
    rows = torch.arange(0, len(acts), share)
    batches = StoredBatches([acts], rows, batch, seed, memory_bytes=window * ROW_BYTES)
    stream = []
    while len(stream) < 2 * len(rows):
        drawn = draw(batches)
        assert drawn.shape == (batch, 6)
        stream += names(drawn)
    for epoch in range(2):
        part = stream[epoch * len(rows) : (epoch + 1) * len(rows)]
        assert sorted(part) == every_row(acts, rows)


@pytest.mark.parametrize("window", [10_000, 300])
def test_the_order_is_the_seeds_and_new_in_every_epoch(acts, window):
    def epochs(seed):
        rows = torch.arange(len(acts))
        batches = StoredBatches([acts], rows, len(acts), seed, memory_bytes=window * ROW_BYTES)
        return [names(draw(batches)) for _ in range(3)]

    first, again, other = epochs(1), epochs(1), epochs(2)
    assert first == again
    distinct = {tuple(order) for order in first + other}
    assert len(distinct) == 6
    assert sorted(first[0]) not in first


def test_windows_mix_rows_from_all_over_the_set(written):
    acts = ActivationSet.open(numbered(written, [900] * 10, rows_per_shard=2000))
    batches = StoredBatches([acts], torch.arange(9000), 1500, 0, memory_bytes=3000 * ROW_BYTES)
    documents = {name // 1000 for name in names(draw(batches))}
    assert len(documents) > 5


@pytest.mark.parametrize("window", [10_000, 300])
@pytest.mark.parametrize("steps", [0, 1, 13, 37])
def test_a_saved_position_goes_on_with_the_very_next_batch(acts, window, steps):
    def new():
        rows = torch.arange(len(acts))
        return StoredBatches([acts], rows, 64, 5, memory_bytes=window * ROW_BYTES)

    straight, resumed = new(), new()
    for _ in range(steps):
        next(straight)
    next(resumed)
    resumed.load_state_dict(straight.state_dict())
    for _ in range(15):
        assert torch.equal(draw(straight), draw(resumed))


@pytest.mark.parametrize(
    "other",
    [
        {"batch": 32},
        {"seed": 6},
        {"rows": torch.arange(699)},
        {"memory_bytes": 100 * ROW_BYTES},
    ],
)
def test_a_position_in_another_stream_is_refused(acts, other):
    options = {"rows": torch.arange(700), "batch": 64, "seed": 5, "memory_bytes": 10_000}
    state = StoredBatches([acts], **options).state_dict()
    with pytest.raises(UserError, match="Resume with the same"):
        StoredBatches([acts], **(options | other)).load_state_dict(state)


@pytest.mark.parametrize("window", [10_000, 300])
def test_rows_are_read_once_if_they_fit_and_else_a_share_with_every_batch(
    acts, window, monkeypatch
):
    asked = []
    rows_of = ActivationSet.rows
    monkeypatch.setattr(
        ActivationSet, "rows", lambda self, rows: asked.append(len(rows)) or rows_of(self, rows)
    )
    rows = torch.arange(len(acts))
    batches = StoredBatches([acts], rows, 50, 0, memory_bytes=window * ROW_BYTES)
    read = []
    for _ in range(3 * 14):
        asked.clear()
        next(batches)
        read.append(sum(asked))
    if window > 700:
        assert read == [700] + [0] * 41
    else:
        # The first window, and after it what 50 rows set free, in runs of at most 256 rows.
        assert sum(read) <= 3 * 700 + window
        assert max(read[1:]) <= 256


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_batches_come_in_the_dtype_of_the_store(written, dtype):
    acts = ActivationSet.open(written([10], dtype=dtype).folder)
    assert draw(StoredBatches([acts], torch.arange(10), 4, 0)).dtype == getattr(torch, dtype)


def test_no_rows_give_no_batches(acts):
    with pytest.raises(UserError, match="no activations"):
        StoredBatches([acts], torch.arange(0), 4, 0)


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 30), min_size=2, max_size=12).filter(
        lambda lengths: sum(length > 0 for length in lengths) >= 2
    ),
    share=st.floats(0.01, 1),
    seed=st.integers(0, 1000),
)
def test_a_split_parts_whole_documents_and_loses_nothing(written, lengths, share, seed):
    made = written(lengths)
    acts = ActivationSet.open(made.folder)
    train, held = split_documents(acts, share, seed)

    assert sorted(train.tolist() + held.tolist()) == list(range(sum(lengths)))
    assert train.tolist() == sorted(train.tolist())
    document_of = [d for d, length in enumerate(lengths) for _ in range(length)]
    train_documents = {document_of[row] for row in train.tolist()}
    held_documents = {document_of[row] for row in held.tolist()}
    assert train_documents
    assert held_documents
    assert not train_documents & held_documents
    # The share is reached, unless all documents but one are held out, and by no spare document.
    assert len(held) >= share * sum(lengths) or len(train_documents) == 1
    assert len(held) - max(lengths[d] for d in held_documents) < share * sum(lengths)
    again = split_documents(acts, share, seed)
    assert torch.equal(again[0], train)


def test_other_seeds_hold_out_other_documents(acts):
    held = {tuple(split_documents(acts, 0.1, seed)[1].tolist()) for seed in range(20)}
    assert len(held) > 1


def test_nothing_is_held_out_when_nothing_is_asked_for(acts):
    train, held = split_documents(acts, 0.0, 0)
    assert train.tolist() == list(range(700))
    assert held.tolist() == []


def test_bos_is_neither_trained_on_nor_held_out(written):
    made = written([40] * 5, bos_token_id=7, rows_per_shard=30)
    sides = split_documents(ActivationSet.open(made.folder), 0.3, 0)
    assert torch.cat(sides).sort().values.tolist() == [
        row for row, token_id in enumerate(made.token_ids.tolist()) if token_id != 7
    ]


def test_a_single_document_cannot_be_split(written):
    acts = ActivationSet.open(written([0, 9]).folder)
    with pytest.raises(UserError, match="single document"):
        split_documents(acts, 0.1, 0)

"""Batches mixed from a stream: what comes when, how well mixed, and the same again when resumed."""

import contextlib
import json
from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.activations.batches.observed import Chunk, ObservedDocuments
from engine.activations.batches.reading import StreamPosition
from engine.activations.batches.streamed import StreamedBatches
from engine.activations.batches.turnover import RowLayout
from engine.errors import UserError
from engine.model.load import load_model
from engine.model.site import parse_site

TEXTS = ["A cat.", "x" * 70, "Two words", "The " * 20, "z", "end of it all", "More of it. " * 30]
"""The last one is longer than the windows that are read together."""
SITES = [parse_site("resid_post.0"), parse_site("mlp_out.1")]


@dataclass
class Counted:
    """A stream whose row i is i at one site and -i at another, made in chunks of some sizes."""

    sizes: list[int]
    name: str = "counted"
    made: list[int] = field(default_factory=list)
    fails: set[int] = field(default_factory=set)
    """Chunks that can't be made the first time."""
    kinds = {"a": RowLayout(1, torch.float64), "b": RowLayout(2, torch.float32)}  # noqa: RUF012

    def identity(self):
        return {"name": self.name}

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass

    def chunks(self, first, place):
        number, row = place.document, place.rows
        assert row <= first
        while True:
            size = self.sizes[number % len(self.sizes)]
            if row + size > first:
                if number in self.fails:
                    self.fails.remove(number)
                    raise OSError("gone")
                self.made.append(size)
                rows = torch.arange(max(row, first), row + size, dtype=torch.float64)
                both = {"a": rows[:, None], "b": -rows[:, None].float().expand(-1, 2)}
                yield Chunk(StreamPosition(document=number, rows=row), both)
            number, row = number + 1, row + size


def rows_of(batch):
    assert torch.equal(batch["b"], -batch["a"].float().expand(-1, 2))
    return batch["a"][:, 0].int().tolist()


def drawn(batches, count):
    return [rows_of(next(batches)) for _ in range(count)]


sizes = st.lists(st.integers(1, 40), min_size=1, max_size=4)
seeds = st.integers(0, 2**40)


@settings(max_examples=40, deadline=None)
@given(sizes=sizes, batch=st.integers(1, 90), half=st.integers(1, 30), seed=seeds)
def test_each_pool_is_half_of_its_block_and_half_of_the_one_before(sizes, batch, half, seed):
    batches = StreamedBatches(Counted(sizes), batch, seed, buffer_rows=2 * half)
    stream = []
    while len(stream) < 9 * half:
        rows = rows_of(next(batches))
        assert len(rows) == batch
        stream += rows
    pools = [stream[:half], *(stream[half * i : half * (i + 2)] for i in (1, 3, 5, 7))]
    assert len({row for pool in pools for row in pool}) == 9 * half
    for number, pool in enumerate(pools):
        blocks = [row // (2 * half) for row in pool]
        assert blocks.count(number) == half
        assert blocks.count(number - 1) == (half if number else 0)


@settings(max_examples=40, deadline=None)
@given(
    sizes=sizes,
    other_sizes=sizes,
    batch=st.integers(1, 70),
    buffer=st.integers(2, 60),
    seed=seeds,
    position=st.integers(0, 12),
)
def test_a_resumed_stream_gives_the_same_batches(
    *, sizes, other_sizes, batch, buffer, seed, position
):
    straight = StreamedBatches(Counted(sizes), batch, seed, buffer_rows=buffer)
    drawn(straight, position)
    state = json.loads(json.dumps(straight.state_dict()))
    expected = drawn(straight, 6)

    resumed = StreamedBatches(Counted(sizes), batch, seed, buffer_rows=buffer)
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state
    assert drawn(resumed, 6) == expected
    assert resumed.state_dict() == straight.state_dict()
    # How the rows fall into passes changes nothing.
    other = StreamedBatches(Counted(other_sizes), batch, seed, buffer_rows=buffer)
    drawn(other, position)
    assert drawn(other, 6) == expected


@settings(max_examples=25, deadline=None)
@given(sizes=sizes, batch=st.integers(1, 70), position=st.integers(20, 60))
def test_resuming_makes_two_blocks_again_and_no_more(sizes, batch, position):
    buffer = 40
    straight = StreamedBatches(Counted(sizes), batch, 0, buffer_rows=buffer)
    drawn(straight, position)
    rows = Counted(sizes)
    resumed = StreamedBatches(rows, batch, 0, buffer_rows=buffer)
    resumed.load_state_dict(straight.state_dict())
    resumed.prepare()
    assert sum(rows.made) <= 2 * buffer + 2 * max(sizes)


@pytest.mark.parametrize("start", [0, 19])
def test_no_batch_waits_for_a_whole_pool(start):
    straight = StreamedBatches(Counted([10]), 50, 0, buffer_rows=1000)
    drawn(straight, start)
    rows = Counted([10])
    batches = StreamedBatches(rows, 50, 0, buffer_rows=1000)
    batches.load_state_dict(straight.state_dict())
    batches.prepare()
    most = 0
    for _ in range(100):
        before = sum(rows.made)
        next(batches)
        most = max(most, sum(rows.made) - before)
    # Pool 0 has half the rows of the pool that is to come; of pool 1, batch 19 leaves 55 %.
    assert most <= 2 * 50 + 2 * 10


def test_rows_are_dealt_and_ordered_by_the_seed_and_anew_in_every_block():
    def pools(seed):
        _, *halves = drawn(StreamedBatches(Counted([7]), 25, seed, buffer_rows=50), 21)
        return [halves[i] + halves[i + 1] for i in range(0, 20, 2)]

    first, again, other = pools(1), pools(1), pools(2)
    assert first == again
    dealt, places = set(), set()
    for pool in first + other:
        newer = max(pool) // 50
        dealt.add(frozenset(row % 50 for row in pool if row // 50 == newer))
        places.add(tuple(row // 50 == newer for row in pool))
    assert len(dealt) == len(places) == 20


def test_a_batch_holds_almost_as_many_documents_as_rows_drawn_from_two_blocks_would():
    tokens, buffer, batch = 100, 20_000, 500
    batches = StreamedBatches(Counted([999]), batch, 0, buffer_rows=buffer)
    drawn(batches, 40)
    documents = [len({row // tokens for row in rows}) for rows in drawn(batches, 200)]
    among = 2 * buffer // tokens
    uniform = among * (1 - (1 - 1 / among) ** batch)
    assert sum(documents) / len(documents) > 0.97 * uniform
    assert min(documents) > 0.85 * uniform


def test_a_sample_is_what_comes_next_and_comes_again():
    batches = StreamedBatches(Counted([7]), 20, 0, buffer_rows=100)
    sample = rows_of(batches.sample(30))
    first, second = drawn(batches, 2)
    assert (first + second)[:30] == sample
    untouched = StreamedBatches(Counted([7]), 20, 0, buffer_rows=100)
    assert drawn(untouched, 2) == [first, second]
    assert len(batches.sample(1000)["a"]) == 10


@settings(max_examples=30, deadline=None)
@given(sizes=sizes, fails=st.sets(st.integers(0, 30), max_size=6), batch=st.integers(1, 50))
def test_a_draw_that_fails_loses_nothing(sizes, fails, batch):
    expected = drawn(StreamedBatches(Counted(sizes), batch, 0, buffer_rows=30), 8)
    batches = StreamedBatches(Counted(sizes, fails=set(fails)), batch, 0, buffer_rows=30)
    got = []
    while len(got) < 8:
        with contextlib.suppress(OSError):
            got.append(rows_of(next(batches)))
    assert got == expected


@pytest.mark.parametrize(
    "other", [{"batch": 21}, {"seed": 1}, {"buffer_rows": 40}, {"rows": Counted([7], "other")}]
)
def test_a_position_in_another_stream_is_refused(other):
    options = {"rows": Counted([7]), "batch": 20, "seed": 0, "buffer_rows": 50}
    state = StreamedBatches(**options).state_dict()
    with pytest.raises(UserError, match="Resume with the same"):
        StreamedBatches(**(options | other)).load_state_dict(state)


def test_what_gives_no_batches_is_refused():
    with pytest.raises(UserError, match="no batches of 0"):
        StreamedBatches(Counted([7]), 0, 0)
    with pytest.raises(UserError, match="1 rows can't be mixed"):
        StreamedBatches(Counted([7]), 4, 0, buffer_rows=1)


@pytest.fixture(scope="module")
def lm(tiny_llama_path):
    return load_model(str(tiny_llama_path), device="cpu")


def streamed(lm, texts=TEXTS, **options):
    rows = ObservedDocuments(
        lm, lambda: iter(texts), SITES, 0, context=16, pass_tokens=40, **options
    )
    return StreamedBatches(rows, 24, 5, buffer_rows=100)


@pytest.mark.parametrize("position", [0, 1, 2, 7, 13, 40])
def test_a_models_stream_is_resumed_bit_for_bit(lm, position):
    straight = streamed(lm, held_out=0.2)
    for _ in range(position):
        next(straight)
    state = json.loads(json.dumps(straight.state_dict()))
    resumed = streamed(lm, held_out=0.2)
    resumed.load_state_dict(state)
    for _ in range(12):
        expected, got = next(straight), next(resumed)
        assert list(got) == [str(site) for site in SITES]
        assert all(torch.equal(got[name], expected[name]) for name in expected)

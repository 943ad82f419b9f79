"""Batches made ahead: the same ones, and a position that is the receiver's."""

import threading

import pytest
import torch

from engine.activations.batches.observed import ObservedDocuments
from engine.activations.batches.prefetch import Prefetched
from engine.activations.batches.stored import StoredBatches
from engine.activations.batches.streamed import StreamedBatches
from engine.activations.store.activation_set import ActivationSet
from engine.model.load import load_model
from engine.model.site import parse_site


class Count:
    """Batch i is full of i; `gate` holds the thread up, `fails` are batches that can't be made."""

    def __init__(self, fails=()):
        self.at = 0
        self.fails = fails
        self.gate = threading.Event()
        self.gate.set()

    def __iter__(self):
        return self

    def __next__(self):
        assert self.gate.wait(10)
        if self.at in self.fails:
            raise OSError(f"no batch {self.at}")
        self.at += 1
        return {"site": torch.full((2, 3), float(self.at - 1))}

    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.at = state["at"]


def number(batch):
    return int(batch["site"][0, 0])


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_batches_come_in_their_order_and_the_position_is_the_receivers(ahead):
    with Prefetched(Count(), ahead=ahead) as ready:
        assert ready.state_dict() == {"at": 0}
        for i in range(20):
            assert number(next(ready)) == i
            assert ready.state_dict() == {"at": i + 1}


def test_no_more_is_made_ahead_than_asked_for():
    count = Count()
    with Prefetched(count, ahead=3) as ready:
        assert count.at == 0
        next(ready)
        ready.rest()
        assert count.at == 4


def test_the_thread_works_while_the_receiver_does():
    count = Count()
    with Prefetched(count, ahead=1) as ready:
        next(ready)
        ready.rest()
        count.gate.clear()
        assert number(next(ready)) == 1
        count.gate.set()


def test_what_goes_wrong_is_raised_in_its_turn_and_again():
    count = Count(fails={3})
    with Prefetched(count, ahead=2) as ready:
        assert [number(next(ready)) for _ in range(3)] == [0, 1, 2]
        for _ in range(4):
            with pytest.raises(OSError, match="no batch 3"):
                next(ready)
            assert ready.state_dict() == {"at": 3}
        ready.rest()
        count.fails = ()
        with pytest.raises(OSError, match="no batch 3"):  # it had been tried before
            next(ready)
        assert [number(next(ready)) for _ in range(3)] == [3, 4, 5]


def test_closing_ends_the_thread_and_puts_the_batches_back():
    count = Count()
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), Prefetched(count, ahead=4) as ready:
        next(ready)
        next(ready)
        assert threading.active_count() == before + 1
        raise KeyboardInterrupt
    assert threading.active_count() == before
    assert count.at == 2
    assert number(next(count)) == 2


def test_a_position_is_loaded_and_what_was_ahead_is_dropped():
    with Prefetched(Count(), ahead=4) as ready:
        next(ready)
        ready.load_state_dict({"at": 100})
        assert ready.state_dict() == {"at": 100}
        assert [number(next(ready)) for _ in range(3)] == [100, 101, 102]


@pytest.fixture
def stored(written):
    sets = [
        ActivationSet.open(written([300, 200], **options).folder)
        for options in ({}, {"site": "mlp_out.1", "d_model": 4, "dtype": "bfloat16"})
    ]
    return lambda: StoredBatches(sets, torch.arange(500), 64, 1, memory_bytes=200 * 32)


@pytest.fixture
def streamed(tiny_llama_path):
    lm = load_model(str(tiny_llama_path), device="cpu")
    texts = ["One text.", "Two " * 30, "and a third one"]
    sites = [parse_site("resid_post.0"), parse_site("mlp_out.1")]
    rows = ObservedDocuments(lm, lambda: texts, sites, 0, context=16, pass_tokens=40)
    return lambda: StreamedBatches(rows, 64, 1, buffer_rows=100)


@pytest.mark.parametrize("kind", ["stored", "streamed"])
def test_real_batches_are_the_same_and_resumed_behind_the_last_received(kind, request):
    make = request.getfixturevalue(kind)
    plain = make()
    expected = [next(plain) for _ in range(20)]
    with Prefetched(make(), ahead=3) as ready:
        first = [next(ready) for _ in range(9)]
        state = ready.state_dict()
    with Prefetched(make(), ahead=3) as ready:
        ready.load_state_dict(state)
        rest = [next(ready) for _ in range(11)]
    for got, wanted in zip(first + rest, expected, strict=True):
        assert got.keys() == wanted.keys()
        assert all(torch.equal(got[name], wanted[name]) for name in wanted)

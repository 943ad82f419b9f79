"""Work in a thread beside: its order, its bounds, its errors."""

import threading

import pytest

from engine.activations.capture.background import Background


def test_everything_is_done_in_order() -> None:
    done: list[int] = []
    with Background() as background:
        for number in range(50):
            background.do(lambda number=number: done.append(number))
    assert done == list(range(50))


def test_who_asks_waits_where_too_much_waits() -> None:
    gate = threading.Event()
    done: list[int] = []

    def work(number: int) -> None:
        gate.wait()
        done.append(number)

    def ask(background: Background) -> None:
        for number in range(6):
            background.do(lambda number=number: work(number))
            asked.append(number)

    asked: list[int] = []
    with Background(waiting=2) as background:
        asking = threading.Thread(target=ask, args=(background,))
        asking.start()
        asking.join(0.2)
        assert asked == [0, 1, 2], "one is being done, and two wait"
        gate.set()
        asking.join()
    assert done == list(range(6))


def test_an_error_comes_out_and_nothing_is_done_after_it() -> None:
    done: list[int] = []

    def fail() -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"), Background(waiting=9) as background:
        background.do(lambda: done.append(1))
        background.do(fail)
        background.do(lambda: done.append(2))
    assert done == [1]


def test_an_error_of_the_block_is_the_one_that_is_raised() -> None:
    done: list[int] = []
    with pytest.raises(ValueError, match="mine"), Background() as background:
        background.do(lambda: done.append(1))
        raise ValueError("mine")
    assert done == [1]

import threading
from collections.abc import Iterator

import pytest

from gan.data.threads import threaded


def test_in_order_on_several_threads() -> None:
    threads: set[int] = set()
    together = threading.Barrier(2, timeout=10)

    def square(number: int) -> int:
        if number < 2:
            together.wait()  # returns only if two are at work at once
        threads.add(threading.get_ident())
        return number * number

    assert list(threaded(square, range(50))) == [number * number for number in range(50)]
    assert threading.get_ident() not in threads


def test_takes_only_a_few_ahead() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(100_000):
            taken += 1
            yield number

    results = threaded(abs, items())
    for _ in range(10):
        next(results)
    assert taken < 100
    results.close()  # type: ignore[attr-defined]


def test_an_error_comes_out() -> None:
    with pytest.raises(ZeroDivisionError):
        list(threaded(lambda number: 1 // number, [1, 0, 1]))

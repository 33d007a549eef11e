"""A map over threads that keeps order and a bound on memory, with a progress bar.

Pillow's decoders, zlib and reading files leave Python's lock, so threads suffice.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tqdm import tqdm

PROGRESS_FROM = 1000
PROGRESS_AFTER_SECONDS = 2.0
Item = TypeVar("Item")
Result = TypeVar("Result")


def threaded(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`function` of each item, in order. Items are taken from the iterable, in this thread, only a few ahead."""
    num_threads = min(32, (os.cpu_count() or 1) + 4)
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(num_threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= 2 * num_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def with_progress(results: Iterable[Result], *, total: int | None, what: str) -> Iterator[Result]:
    """The same, with a bar on stderr where it is a terminal, and where there are many or they take their time.

    `total` None: nobody knows how many.
    """
    few = total is not None and total < PROGRESS_FROM
    only_on_a_terminal = None
    yield from tqdm(
        results,
        total=total,
        desc=what,
        unit=" pictures",
        disable=only_on_a_terminal,
        delay=PROGRESS_AFTER_SECONDS if few else 0,
    )

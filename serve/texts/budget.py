"""So much in so many seconds, and no more: calls in an hour, dollars in a day."""

import threading
import time
from collections import deque


class Budget:
    """A sliding window. What is known only afterwards (a call's price) may end it a little over its limit."""

    def __init__(self, limit: float, *, seconds: float) -> None:
        self._limit, self._seconds = limit, seconds
        self._spent: deque[tuple[float, float]] = deque()
        self._guard = threading.Lock()

    def is_spent(self) -> bool:
        with self._guard:
            return self._is_spent()

    def take(self, amount: float) -> bool:
        """Spend it, unless all is spent."""
        with self._guard:
            if self._is_spent():
                return False
            self._spent.append((time.monotonic(), amount))
            return True

    def spend(self, amount: float) -> None:
        """What has been spent whether it may or not."""
        with self._guard:
            self._spent.append((time.monotonic(), amount))

    def _is_spent(self) -> bool:
        now = time.monotonic()
        while self._spent and now - self._spent[0][0] >= self._seconds:
            self._spent.popleft()
        return sum(amount for _, amount in self._spent) >= self._limit

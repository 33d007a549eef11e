import threading
import time

import pytest

from search.records.courier import Courier
from search.records.outbox import Outbox


def courier() -> Courier:
    return Courier(Outbox(pause=lambda seconds: None), pause=lambda seconds: time.sleep(0.01))


def hang(answers: threading.Event) -> None:
    answers.wait(60.0)


def test_in_quiet_times_it_has_arrived_before_anybody_goes_on() -> None:
    there: list[int] = []
    slow = courier()
    slow.add(lambda: time.sleep(0.2))
    slow.add(lambda: there.append(1))
    assert slow.wait_a_moment()
    assert there == [1]
    assert len(slow) == 0


def test_nobody_waits_for_what_is_away_and_all_arrives_in_order_when_it_is_back() -> None:
    there: list[int] = []
    away = threading.Event()
    away.set()

    def parcel(number: int) -> None:
        if away.is_set():
            raise ConnectionError("refused")
        there.append(number)

    one = courier()
    for number in range(5):
        one.add(lambda number=number: parcel(number))  # type: ignore[misc]
        assert not one.wait_a_moment()
    assert (there, len(one)) == ([], 5)
    assert not one.wait(0.1)
    away.clear()
    assert one.wait(30.0)
    assert there == [0, 1, 2, 3, 4]


def test_a_server_that_hangs_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.records.courier.MOMENT_SECONDS", 0.5)
    answers = threading.Event()
    one = courier()
    begun = time.monotonic()
    for _ in range(20):
        one.add(lambda: hang(answers))
        one.wait_a_moment()
    assert time.monotonic() - begun < 5.0, "twenty moments would be ten seconds"
    answers.set()
    assert one.wait(30.0)
    one.add(lambda: time.sleep(0.1))
    assert one.wait_a_moment(), "it answers again: so it is waited for again"


def test_one_failure_alone_is_waited_for() -> None:
    failures = [OSError("database is locked")]
    there: list[int] = []

    def parcel() -> None:
        if failures:
            raise failures.pop()
        there.append(1)

    one = courier()
    one.add(parcel)
    assert one.wait_a_moment()
    assert there == [1]


def test_its_thread_ends_and_begins_again() -> None:
    one = courier()
    for _ in range(20):
        one.add(lambda: None)
        assert one.wait(10.0)
    time.sleep(0.05)
    assert not [thread for thread in threading.enumerate() if thread.name == "ganvil-records"]

"""Visitors of a running service: they ask without a pause, look at every answer, and keep what was wrong with it."""

import io
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan.pixels import from_pil
from serve.web.schemas import WeaponAnswer

NUM_REMEMBERED = 200
MANY = 8


class Wrong(Exception):
    """An answer that came and was not what it should be."""


@dataclass(kw_only=True)
class Seen:
    """What the visitors have met so far."""

    answered: Counter[str] = field(default_factory=Counter)  # by what was asked
    failures: list[dict[str, Any]] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)
    text_sources: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0.0
    longest_silence_seconds: float = 0.0  # between two good answers to any visitor

    def to_plain(self) -> dict[str, Any]:
        return {
            "answered": sum(self.answered.values()),
            "by_kind": dict(sorted(self.answered.items())),
            "failed": len(self.failures),
            "failures": self.failures[:20],
            "versions": dict(self.versions),
            "text_sources": dict(self.text_sources),
            "slowest_seconds": round(self.slowest_seconds, 2),
            "longest_silence_seconds": round(self.longest_silence_seconds, 2),
        }


class Visitors:
    """`num` threads with a client each. What they look at: JSON by the service's own schema, pictures by their size,
    what was given out before by its text and its pixels (equal within 1/255, premultiplied by alpha).
    """

    def __init__(self, address: str, num: int = 8) -> None:
        self.seen = Seen()
        self._address = address
        self._given: deque[dict[str, Any]] = deque(maxlen=NUM_REMEMBERED)
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._last_good = time.monotonic()
        self._threads = [threading.Thread(target=self._visit, args=(seed,), daemon=True) for seed in range(num)]

    @contextmanager
    def at_work(self) -> Iterator[Seen]:
        self._last_good = time.monotonic()
        for thread in self._threads:
            thread.start()
        try:
            yield self.seen
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join(timeout=60.0)

    def _visit(self, seed: int) -> None:
        dice = random.Random(seed)
        ways: dict[str, Callable[[httpx.Client, random.Random], None]] = {
            "weapon": self._weapon, "picture": self._picture, "many": self._many, "creative": self._creative,
            "again": self._again, "card": self._card, "page": self._page,
        }  # fmt: skip
        with httpx.Client(base_url=self._address, timeout=30.0) as client:
            while not self._ended.is_set():
                kind = dice.choice(list(ways))
                started = time.monotonic()
                try:
                    ways[kind](client, dice)
                except (Wrong, httpx.HTTPError) as error:
                    self._note_failure(kind, started, f"{type(error).__name__}: {error}")
                    time.sleep(0.1)
                else:
                    self._note_good(kind, started)

    def _note_good(self, kind: str, started: float) -> None:
        with self._guard:
            now = time.monotonic()
            self.seen.answered[kind] += 1
            self.seen.slowest_seconds = max(self.seen.slowest_seconds, now - started)
            self.seen.longest_silence_seconds = max(self.seen.longest_silence_seconds, now - self._last_good)
            self._last_good = now

    def _note_failure(self, kind: str, started: float, why: str) -> None:
        if self._ended.is_set():
            return
        with self._guard:
            seconds = round(time.monotonic() - started, 2)
            self.seen.failures.append({"kind": kind, "after_seconds": seconds, "why": why[:300]})

    def _weapon(self, client: httpx.Client, dice: random.Random, **asked: Any) -> None:
        self._remember(good(client.get("/weapon", params=asked)).json())

    def _creative(self, client: httpx.Client, dice: random.Random) -> None:
        self._weapon(client, dice, truncation=dice.choice((0.5, 0.7, 1.2)))

    def _many(self, client: httpx.Client, dice: random.Random) -> None:
        weapons = good(client.get("/weapons", params={"n": MANY})).json()
        if len({weapon["id"] for weapon in weapons}) != MANY:
            raise Wrong(f"{MANY} weapons were asked for, {len(weapons)} came, or one twice")
        for weapon in weapons:
            self._remember(weapon)

    def _picture(self, client: httpx.Client, dice: random.Random) -> None:
        answer = good(client.get("/weapon.png"))
        first = pixels(answer)
        again = pixels(good(client.get(f"/weapon/{answer.headers['x-weapon-id']}.png")))
        same(first, again, answer.headers["x-weapon-id"])

    def _again(self, client: httpx.Client, dice: random.Random) -> None:
        known = self._one_given(dice)
        if known is not None:
            answer = good(client.get(known["links"]["self"])).json()
            if answer != known:
                raise Wrong(f"{known['id']} was {known}, and is {answer}")

    def _card(self, client: httpx.Client, dice: random.Random) -> None:
        known = self._one_given(dice)
        if known is not None and pixels(good(client.get(known["links"]["card"], params={"size": "small"}))).size == 0:
            raise Wrong(f"{known['id']} has an empty card")

    def _page(self, client: httpx.Client, dice: random.Random) -> None:
        known = self._one_given(dice)
        if known is not None and known["id"] not in good(client.get(known["links"]["page"])).text:
            raise Wrong(f"the page of {known['id']} does not name it")

    def _one_given(self, dice: random.Random) -> dict[str, Any] | None:
        with self._guard:
            return dice.choice(self._given) if self._given else None

    def _remember(self, weapon: dict[str, Any]) -> None:
        try:
            WeaponAnswer.model_validate(weapon)
        except ValueError as error:
            raise Wrong(str(error)) from error
        with self._guard:
            self._given.append(weapon)
            self.seen.versions[weapon["ensemble"]] += 1
            self.seen.text_sources[weapon["text_source"]] += 1


def good(answer: httpx.Response) -> httpx.Response:
    if answer.status_code != 200:
        raise Wrong(f"{answer.request.url.path} is answered {answer.status_code}: {answer.text[:150]}")
    return answer


def pixels(answer: httpx.Response) -> NDArray[np.int64]:
    with suppress(OSError):
        return from_pil(Image.open(io.BytesIO(answer.content)), 4).astype(np.int64)
    raise Wrong(f"{answer.request.url.path} is no picture")


def same(a: NDArray[np.int64], b: NDArray[np.int64], name: str) -> None:
    if a.shape != b.shape or int(np.abs(a - b).max()) > 1:
        raise Wrong(f"{name} is another picture the second time")

"""A polite HTTP client: slow on purpose, patient with faults, and it never asks twice for what it has.

Documents (JSON) and archives are kept in a folder by the hash of their URL, so that a run which was cut short asks
for nothing again. Knows nothing of any one service: what a service writes into its answers (throttling inside a 200)
is judged by a function that the source passes in. Keys go into headers, never into URLs, and neither keys nor the
query of a URL stand in messages.
"""

import hashlib
import io
import json
import random
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, BinaryIO, Self

import httpx

from gan.errors import UserError
from gan.version import code_version
from gan.whole_file import write_whole

MOST_BYTES_AN_ANSWER = 64 << 20
MOST_BYTES_A_PICTURE = 32 << 20
MOST_BYTES_AN_ARCHIVE = 2 << 30
LONGEST_WAIT_SECONDS = 900.0
LONGEST_PAUSE_SECONDS = 120.0
MOST_REDIRECTS = 5
ANSWERS, ARCHIVES = "answers", "archives"  # folders of what is kept


class Unavailable(Exception):
    """One document or picture that cannot be had. later: it may be there another time."""

    def __init__(self, reason: str, *, later: bool) -> None:
        super().__init__(reason)
        self.later = later


@dataclass(frozen=True, kw_only=True)
class Throttled:
    """A judge's word for "ask again": after so many seconds where the service says how many."""

    reason: str
    seconds: float | None = None


Judge = Callable[[int, Any], Throttled | None]
"""(status, the answer's JSON or None where it is none) → wait and ask again, or None: go by the status alone.

May raise UserError (no use to go on) or Unavailable (this one is not to be had)."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Time as the client sees it; tests bring their own. now: seconds, monotonic; date: seconds since 1970."""

    now: Callable[[], float] = time.monotonic
    date: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How often, how long, how patiently."""

    answers_per_second: float = 2.0
    downloads_per_second: float = 5.0
    attempts: int = 8
    connect_seconds: float = 10.0
    read_seconds: float = 60.0


class _Pace:
    """At most so many starts a second, evenly spaced, with no catching up after a pause."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._gap = 1.0 / per_second
        self._clock = clock
        self._next = clock.now()

    def wait(self) -> None:
        if (ahead := self._next - self._clock.now()) > 0:
            self._clock.sleep(ahead)
        self._next = max(self._next, self._clock.now()) + self._gap


@dataclass(frozen=True, kw_only=True)
class _Again:
    """This attempt failed, another may not. first_seconds: the first pause, doubled for each further one."""

    reason: str
    seconds: float | None = None
    first_seconds: float = 1.0


@dataclass(kw_only=True)
class Client:
    """keep: the folder for answers and archives. key_variable, key_from: named when a key is refused.

    The same client for one run, closed at its end (`with Client(…) as client`).
    """

    keep: Path
    manners: Manners = field(default_factory=Manners)
    key_variable: str | None = None
    key_from: str = ""
    clock: Clock = field(default_factory=Clock)
    chance: random.Random = field(default_factory=random.Random)  # for jitter; unlike in every process, by intent

    def __post_init__(self) -> None:
        agent = f"ganvil/{code_version().partition('+')[0]}"
        timeout = httpx.Timeout(self.manners.read_seconds, connect=self.manners.connect_seconds)
        self._http = httpx.Client(headers={"User-Agent": agent}, timeout=timeout)
        self._answers = _Pace(self.manners.answers_per_second, self.clock)
        self._downloads = _Pace(self.manners.downloads_per_second, self.clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def forget(self) -> None:
        """Throw away the answers and archives that are kept, so that all are asked for anew."""
        for kept in (ANSWERS, ARCHIVES):
            shutil.rmtree(self.keep / kept, ignore_errors=True)

    def answer(
        self,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
        judge: Judge = lambda status, document: None,
    ) -> Any:
        """The JSON at this address; from the folder where it was answered before.

        secret_headers are sent to this host only, not after a redirect to another one.
        Raises Unavailable; UserError where the service refuses us (401, 403) or wants a very long wait.
        """
        address = _address(url, query)
        kept = self.keep / ANSWERS / f"{_digest(address)}.json"
        if kept.exists():
            return json.loads(kept.read_bytes())
        body = io.BytesIO()
        self._receive(address, body, self._answers, MOST_BYTES_AN_ANSWER, secret_headers or {}, judge)
        write_whole(kept, body.getvalue())
        return json.loads(body.getvalue())

    def picture(self, url: str) -> bytes:
        """The bytes at this address, whole. Raises Unavailable."""
        body = io.BytesIO()
        self._receive(_address(url), body, self._downloads, MOST_BYTES_A_PICTURE, {}, None)
        return body.getvalue()

    def archive(self, url: str) -> Path:
        """A large file, downloaded whole into the folder, or there already. Raises Unavailable."""
        address = _address(url)
        path = self.keep / ARCHIVES / _digest(address)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.part")
            with part.open("wb") as body:
                self._receive(address, body, self._downloads, MOST_BYTES_AN_ARCHIVE, {}, None)
            part.replace(path)
        return path

    def _receive(
        self,
        url: httpx.URL,
        body: BinaryIO,
        pace: _Pace,
        most_bytes: int,
        secret_headers: Mapping[str, str],
        judge: Judge | None,
    ) -> None:
        """Ask until the whole body is there, the answer is final, or all attempts are used up."""
        again: _Again | None = None
        for attempt in range(self.manners.attempts):
            if again is not None:
                self.clock.sleep(self._pause(url, again, attempt))
            pace.wait()
            body.seek(0)
            body.truncate()
            try:
                again = self._attempt(url, body, most_bytes, secret_headers, judge)
            except httpx.LocalProtocolError:  # its message would show the header, so a key
                raise Unavailable(f"{shown(url)}: a request that HTTP does not allow", later=False) from None
            except (httpx.TransportError, httpx.DecodingError) as error:
                # No connection, silence, or a body shorter than its Content-Length (RemoteProtocolError).
                again = _Again(reason=f"{type(error).__name__} ({error})")
            if again is None:
                return
        assert again is not None, "at least one attempt"
        raise Unavailable(f"{shown(url)}: {again.reason}, {self.manners.attempts} times over", later=True)

    def _attempt(
        self,
        url: httpx.URL,
        body: BinaryIO,
        most_bytes: int,
        secret_headers: Mapping[str, str],
        judge: Judge | None,
    ) -> _Again | None:
        with self._open(url, secret_headers, compressed=judge is not None) as response:
            if judge is None and response.status_code != 200:
                return self._fault(url, response, ours=False)
            size = 0
            for chunk in response.iter_bytes():
                size += len(chunk)
                if size > most_bytes:
                    raise Unavailable(f"{shown(url)}: over {most_bytes:,} bytes", later=False)
                body.write(chunk)
        if judge is None:
            return None
        document = _json_or_none(body)
        if (throttled := judge(response.status_code, document.value if document else None)) is not None:
            return _Again(reason=throttled.reason, seconds=throttled.seconds, first_seconds=8.0)
        if response.status_code != 200:
            return self._fault(url, response, ours=True)
        return None if document else _Again(reason="an answer that is no JSON")

    @contextmanager
    def _open(self, url: httpx.URL, secret_headers: Mapping[str, str], *, compressed: bool) -> Iterator[httpx.Response]:
        """Follows redirects by hand: httpx drops `Authorization` on the way to another host, but no other header."""
        encoding = "gzip, deflate" if compressed else "identity"
        request = self._http.build_request("GET", url, headers={"Accept-Encoding": encoding, **secret_headers})
        for _ in range(MOST_REDIRECTS + 1):
            response = self._http.send(request, stream=True)
            following = response.next_request
            if following is None:
                try:
                    yield response
                finally:
                    response.close()
                return
            response.close()
            if _origin(following.url) != _origin(request.url):
                for name in secret_headers:
                    following.headers.pop(name, None)
            request = following
        raise Unavailable(f"{shown(url)}: over {MOST_REDIRECTS} redirects", later=False)

    def _fault(self, url: httpx.URL, response: httpx.Response, *, ours: bool) -> _Again:
        """What a status other than 200 means. ours: of an answer, where 401 and 403 are about us, not about a file."""
        status = response.status_code
        if ours and status in (401, 403):
            raise UserError(self._refusal(url, f"answers {status}"))
        if status == 429:
            return _Again(reason="too many requests (429)", seconds=self._asked_wait(response), first_seconds=8.0)
        if status in (408, 425) or status >= 500:
            return _Again(reason=f"answers {status}", seconds=self._asked_wait(response))
        raise Unavailable(f"{shown(url)}: answers {status}", later=False)

    def _refusal(self, url: httpx.URL, what: str) -> str:
        if self.key_variable is None:
            return (
                f"{url.host} refuses us ({what}): it blocks who asks too much; wait some hours, then run the same "
                "command again with a smaller --requests-per-second"
            )
        return (
            f"{url.host} refuses us ({what}): the key in {self.key_variable} is not valid; set {self.key_variable} "
            f"to one that is ({self.key_from})"
        )

    def refuse_key(self, url: str, what: str) -> UserError:
        """The same error for a service that says "wrong key" in its own words; for judges."""
        return UserError(self._refusal(httpx.URL(url), what))

    def _asked_wait(self, response: httpx.Response) -> float | None:
        """Retry-After, RFC 9110 section 10.2.3: seconds or an HTTP date. None where absent or unreadable."""
        value = response.headers.get("Retry-After", "").strip()
        if value.isdecimal():
            return float(value)
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        return date.timestamp() - self.clock.date()

    def _pause(self, url: httpx.URL, again: _Again, attempt: int) -> float:
        """Seconds before attempt `attempt` (the first repetition is 1): what was asked for, else doubling, and a
        random part, so that many who were turned away together do not come back together."""
        if again.seconds is not None and again.seconds > LONGEST_WAIT_SECONDS:
            raise UserError(
                f"{url.host} asks us to wait {again.seconds / 60:.0f} minutes: run the same command again then, "
                "it goes on where it was"
            )
        doubled = float(min(LONGEST_PAUSE_SECONDS, again.first_seconds * 2 ** (attempt - 1)))
        if again.seconds is None or again.seconds <= 0:
            return doubled * self.chance.uniform(0.5, 1.0)
        return again.seconds + min(1.0, doubled) * self.chance.random()


@dataclass(frozen=True)
class _Document:
    value: Any


def _json_or_none(body: BinaryIO) -> _Document | None:
    """A wrapped value, because `null` is JSON too."""
    body.seek(0)
    try:
        return _Document(json.load(body))
    except (ValueError, RecursionError):
        return None


def _address(url: str, query: Mapping[str, str] | None = None) -> httpx.URL:
    try:
        address = httpx.URL(url, params=query) if query else httpx.URL(url)
    except httpx.InvalidURL:
        raise Unavailable(f"{url[:80]!r} is not an address", later=False) from None
    if address.scheme not in ("http", "https") or not address.host:
        raise Unavailable(f"{shown(address)!r} is not an http address", later=False)
    return address


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _digest(url: httpx.URL) -> str:
    return hashlib.sha256(str(url).encode()).hexdigest()[:32]


def shown(url: httpx.URL | str) -> str:
    """An address as it may stand in messages and files: without a password and without its query."""
    return str(httpx.URL(url).copy_with(userinfo=b"", query=None, fragment=None))

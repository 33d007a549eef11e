"""Who may ask, and how often: keys and rate limits, before any route.

Both are off unless set. With a rate limit each address has its own count, each key its own; each replica counts for
itself. An address is the connection's: behind a proxy that is the proxy's, so let the proxy limit there, or give out
keys.
"""

import hashlib
import hmac
import math
import time
from dataclasses import dataclass

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from gan.errors import UserError
from serve.web.problems import answer_problem

HEADER = "X-API-Key"
OPEN = ("/healthz", "/metrics", "/static/")  # who watches over the service, and what pages are made of


@dataclass(frozen=True, kw_only=True)
class GateConfig:
    """keys: that are known. anonymous: whether one is not needed. Rates as `600/minute`, "" for none.

    UserError for what is no rate, and for a closed gate to which there is no key.
    """

    keys: frozenset[str] = frozenset()
    anonymous: bool = True
    rate: str = ""
    key_rate: str = ""

    def __post_init__(self) -> None:
        for name, rate in (("rate_limit", self.rate), ("key_rate_limit", self.key_rate)):
            _rate(name, rate)
        if not self.anonymous and not self.keys:
            raise UserError("anonymous = no, and GANVIL_API_KEYS names no key: nobody could ask for anything")

    @property
    def is_open(self) -> bool:
        """Whether everybody may ask as often as they like."""
        return self.anonymous and not self.rate and not (self.keys and self.key_rate)


class Gate:
    """Answers 401 for a wrong or missing key, 429 with Retry-After beyond the rate; lets all else through."""

    def __init__(self, app: ASGIApp, config: GateConfig) -> None:
        self._app = app
        self._keys = [key.encode() for key in sorted(config.keys)]
        self._anonymous = config.anonymous
        self._rate, self._key_rate = _rate("rate_limit", config.rate), _rate("key_rate_limit", config.key_rate)
        self._counter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_open(_path(scope)) or scope["method"] == "OPTIONS":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get(HEADER)
        known = given is not None and any(hmac.compare_digest(given.encode(), key) for key in self._keys)
        if not known and (given is not None or not self._anonymous):
            what = "this key is not known" if given is not None else "this needs a key"
            challenge = {"WWW-Authenticate": f'ApiKey header="{HEADER}"'}  # no scheme has a name for keys; a 401 must
            refusal = answer_problem(request, 401, f"{what}: {HEADER}: KEY", headers=challenge)
            await refusal(scope, receive, send)
            return
        who = (
            _mark(given) if known and given is not None else f"address {request.client.host if request.client else ''}"
        )
        rate = self._key_rate if known else self._rate
        if rate is not None and not self._counter.hit(rate, who):
            seconds = max(1, math.ceil(self._counter.get_window_stats(rate, who).reset_time - time.time()))
            await answer_problem(
                request, 429, f"more than {rate} asked for; try again later", headers={"Retry-After": str(seconds)}
            )(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _rate(name: str, text: str) -> RateLimitItem | None:
    if not text:
        return None
    try:
        return parse(text)
    except ValueError:
        raise UserError(f"{name} = {text!r} is no rate: one looks like 600/minute or 20/second") from None


def is_open(path: str) -> bool:
    """Whether it needs no key, and is not counted."""
    return path.startswith(OPEN)


def _path(scope: Scope) -> str:
    return str(scope["path"]).removeprefix(str(scope.get("root_path", "")).rstrip("/"))


def _mark(key: str) -> str:
    """Of a key, to count by: the key itself is held in one place only."""
    return f"key {hashlib.sha256(key.encode()).hexdigest()[:16]}"

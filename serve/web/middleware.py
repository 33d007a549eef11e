"""What happens to every request before and after its route."""

import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.web.meters import Meters


class EveryMethod:
    """Every route answers HEAD as GET without the body, and OPTIONS with what it allows; 405 says that too.

    None of them has to say so.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        is_bare = method == "HEAD"

        async def send_as_asked(message: Message) -> None:
            nonlocal is_bare
            if message["type"] == "http.response.start" and message["status"] == 405:
                is_bare = method in ("HEAD", "OPTIONS")
                message = _saying_what_is_allowed(message, is_answer=method == "OPTIONS")
            elif message["type"] == "http.response.body" and is_bare:
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"} if method == "HEAD" else scope, receive, send_as_asked)


def _saying_what_is_allowed(message: Message, *, is_answer: bool) -> Message:
    """A 405 with all that Allow may name; the 204 that it is for OPTIONS."""
    headers = MutableHeaders(raw=list(message["headers"]))
    allowed = {method.strip() for method in headers.get("Allow", "GET").split(",")}
    headers["Allow"] = ", ".join(sorted(allowed | {"OPTIONS"} | ({"HEAD"} if "GET" in allowed else set())))
    if is_answer:
        del headers["Content-Length"], headers["Content-Type"]
    return {**message, "status": 204 if is_answer else 405, "headers": headers.raw}


class Metering:
    """Counts and times every request by its route's template, never by its path: ids would be endless
    labels.
    """

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_noting_status)
        finally:
            route = str(getattr(scope.get("route"), "path", "unmatched"))
            self._meters.note(route, status, time.perf_counter() - started)

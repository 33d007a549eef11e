"""What happens to every request before and after its route."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.web.meters import Meters


class HeadAsGet:
    """HEAD is answered as GET would be, without the body: every route has it, and none has to say so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_head)


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

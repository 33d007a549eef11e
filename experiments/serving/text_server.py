"""A local server that speaks chat completions to the real client, and misbehaves as it is told to."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Mood = Literal["good", "hangs", "429", "500", "rubbish"]
MOODS: tuple[Mood, ...] = ("good", "hangs", "429", "500", "rubbish")
GOOD = {
    "name": "Cinder Waltz",
    "type": "Rapier",
    "rarity": "rare",
    "flavour": "It leads; you follow.",
    "perks": [{"name": "Second Step", "text": "A parry carries you behind the foe."}],
}


class TextServer(ThreadingHTTPServer):
    """Counts what it was asked in each mood."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mood: Mood = "good"
        self.asked: dict[str, int] = dict.fromkeys(MOODS, 0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def wait_until_asked(self, mood: Mood, num: int, seconds: float = 300.0) -> None:
        """Returns when it was asked that often in this mood."""
        until = time.monotonic() + seconds
        while self.asked[mood] < num:
            if time.monotonic() > until:
                raise TimeoutError(f"asked {self.asked[mood]} times while {mood}, not {num}, within {seconds:.0f} s")
            time.sleep(0.2)


class _Handler(BaseHTTPRequestHandler):
    server: TextServer

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        mood = self.server.mood
        self.server.asked[mood] += 1
        if mood == "hangs":
            time.sleep(120.0)
        status = {"429": 429, "500": 500}.get(mood, 200)
        content = "A sword, I guess? {" if mood == "rubbish" else json.dumps(GOOD)
        self._answer(status, completion(content) if status == 200 else {"error": {"message": mood, "code": mood}})

    def _answer(self, status: int, answer: object) -> None:
        body = json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # the client gave up, as it should

    def log_message(self, format: str, *args: object) -> None:
        pass


def completion(content: str) -> dict[str, object]:
    message = {"role": "assistant", "content": content, "refusal": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "stand-in",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


@contextmanager
def text_server() -> Iterator[TextServer]:
    server = TextServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()

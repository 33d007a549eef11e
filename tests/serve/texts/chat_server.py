"""A real HTTP server that speaks chat completions and moderations, and what the tests of both ask it."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from serve.stock.drawable import Made
from serve.stock.weapon_id import WeaponId
from serve.texts.gpt import GptAuthor, GptConfig

KEY = "sk-very-secret-1234567890"
GOOD = {
    "name": "Cinder Waltz",
    "type": "Rapier",
    "rarity": "rare",
    "flavour": "It  leads;\nyou follow.",
    "perks": [{"name": "Second Step", "text": "A parry carries you behind the foe."}],
}


class ChatServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict] = []
        self.keys: list[str] = []
        self.answer: Callable[[], tuple[int, object]] = lambda: (200, completion(json.dumps(GOOD)))
        self.judgement: Callable[[], tuple[int, object]] = lambda: (404, {"error": {"message": "no such route"}})

    def asked(self, route: str) -> list[dict]:
        return [request for request in self.requests if request["path"] == route]


class Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body | {"path": self.path})
        self.server.keys.append(self.headers["Authorization"])
        status, answer = self.server.judgement() if self.path == "/v1/moderations" else self.server.answer()
        payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)
        except OSError:
            pass  # the client gave up, as it should

    def log_message(self, *_: object) -> None:
        pass


def completion(content: str | None, *, refusal: str | None = None, finish: str = "stop") -> dict:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "test-model",
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def made(size: int = 32) -> Made:
    picture = np.zeros((4, size, size), np.uint8)
    picture[[0, 3], 0, 0] = 255
    return Made(weapon_id=WeaponId.parse("3-1-abc-c0"), picture=picture)


def author(**changes: object) -> GptAuthor:
    return GptAuthor(GptConfig(**{"model": "test-model", "timeout_seconds": 0.5, "max_retries": 0} | changes))

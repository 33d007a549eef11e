"""The real openai client against a real HTTP server that moderates."""

import json
import logging
import time

import openai
import pytest

from serve.service import Service
from serve.texts.lore import NoText
from serve.texts.moderation import KNOWN, is_moderated
from serve.texts.scribe import Scribe
from tests.serve.texts.chat_server import GOOD, KEY, ChatServer, author, completion, made

ROUTE = "/v1/moderations"


def judgement(flagged: object, *wrong: str) -> dict:
    categories = dict.fromkeys(sorted(KNOWN), False) | dict.fromkeys(wrong, True)
    result = {
        "flagged": flagged,
        "categories": categories,
        "category_scores": {name: float(is_so) for name, is_so in categories.items()},
        "category_applied_input_types": {name: ["text"] for name in categories},
    }
    return {"id": "modr-1", "model": "omni-moderation-latest", "results": [result]}


def test_what_it_is_asked(chat: ChatServer) -> None:
    chat.judgement = lambda: (200, judgement(False))
    assert author(moderation="on").write(made(), None).name == "Cinder Waltz"
    (asked,) = chat.asked(ROUTE)
    assert asked["model"] == "omni-moderation-latest"
    for text in ("Cinder Waltz", "Rapier", "It leads; you follow.", "Second Step: A parry carries you behind the foe."):
        assert text in asked["input"]
    assert set(chat.keys) == {f"Bearer {KEY}"}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["sexual"], "indecent (sexual)"),
        (["violence", "violence/graphic"], "indecent (violence/graphic)"),
        (["self-harm/intent", "hate"], "indecent (hate, self-harm/intent)"),
        ([f"new/{KEY}"], "indecent (for an unknown reason)"),
        (["violence", f"new/{KEY}"], "indecent (for an unknown reason)"),
        ([], "indecent (for an unknown reason)"),
    ],
)
def test_what_is_flagged_is_not_shown(chat: ChatServer, wrong: list[str], told: str) -> None:
    chat.judgement = lambda: (200, judgement(True, *wrong))
    with pytest.raises(NoText) as raised:
        author(moderation="on").write(made(), None)
    assert told in str(raised.value)
    assert KEY not in str(raised.value)


def test_that_weapons_hurt_is_no_fault(chat: ChatServer) -> None:
    chat.judgement = lambda: (200, judgement(True, "violence"))
    assert author(moderation="on").write(made(), None).name == "Cinder Waltz"


def test_what_is_refused_here_is_not_sent(chat: ChatServer) -> None:
    chat.answer = lambda: (200, completion(json.dumps(GOOD | {"flavour": "Well, fuck."})))
    with pytest.raises(NoText, match="indecent"):
        author(moderation="on").write(made(), None)
    assert chat.asked(ROUTE) == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((404, {"error": {"message": f"no route for {KEY}"}}), "NotFoundError (404)"),
        ((403, {"error": {"message": f"{KEY} may not"}}), "PermissionDeniedError (403)"),
        ((429, {"error": {"message": "slow down"}}), "RateLimitError (429)"),
        ((500, b"oops"), "InternalServerError (500)"),
        ((200, b"<html>gateway</html>"), "no moderation"),
        ((200, b"null"), "no moderation"),
        ((200, {}), "no moderation"),
        ((200, {"results": []}), "no moderation"),
        ((200, judgement("maybe")), "no moderation"),
        ((200, {"results": [{"flagged": True}]}), "no moderation"),
    ],
)
def test_no_moderation_is_no_text(
    chat: ChatServer, answer: tuple[int, object], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    chat.judgement = lambda: answer
    with pytest.raises(NoText) as raised:
        author(moderation="on").write(made(), None)
    assert why in str(raised.value)
    assert "--moderation off" in str(raised.value)
    assert KEY not in str(raised.value) + caplog.text


def test_one_that_hangs_is_left(chat: ChatServer) -> None:
    chat.judgement = lambda: (time.sleep(2.0), (200, {}))[1]
    with pytest.raises(NoText, match="Timeout"):
        author(moderation="on").write(made(), None)


@pytest.mark.parametrize("moderation", ["auto", "off"])
def test_other_servers_are_not_asked(chat: ChatServer, moderation: str) -> None:
    assert author(moderation=moderation).write(made(), None).name == "Cinder Waltz"
    assert chat.asked(ROUTE) == []


@pytest.mark.parametrize(
    ("url", "is_so"),
    [
        (None, True),
        ("https://eu.api.openai.com/v1", True),
        ("https://notopenai.com/v1", False),
        ("https://api.openai.com.example/v1", False),
        ("http://127.0.0.1:11434/v1", False),
    ],
)
def test_auto_is_on_where_openai_itself_writes(monkeypatch: pytest.MonkeyPatch, url: str | None, is_so: bool) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    client = openai.OpenAI(api_key=KEY, base_url=url)
    assert is_moderated("auto", client) is is_so
    assert is_moderated("on", client)
    assert not is_moderated("off", client)


def test_one_that_fails_pauses_the_model_and_slows_no_request(chat: ChatServer, service: Service) -> None:
    writer = author(moderation="on", timeout_seconds=5.0)
    service.scribe = Scribe(writer, service.foundry, num_workers=1, first_pause_seconds=60.0)
    until = time.monotonic() + 10.0
    while service.scribe.last_failure is None:
        assert time.monotonic() < until
        time.sleep(0.01)
    started = time.monotonic()
    assert {service.give()[0].lore.source for _ in range(20)} == {"grammar"}
    assert time.monotonic() - started < 2.0
    assert len(chat.requests) == 2  # one text, one question about it
    assert "NotFoundError (404)" in service.scribe.last_failure

"""The real openai client against a real HTTP server that speaks chat completions."""

import base64
import io
import json
import logging
import time
from pathlib import Path

import pytest
from PIL import Image

from gan.errors import UserError
from serve.service import Service
from serve.texts.decency import is_decent
from serve.texts.gpt import GptAuthor, GptConfig, gpt_is_configured
from serve.texts.grammar import write_lore
from serve.texts.known_texts import KnownText, KnownTexts
from serve.texts.lore import MAX_SOURCE, Lore, NoText
from serve.texts.scribe import Scribe
from tests.serve.drawn_ensemble import DrawnEnsemble
from tests.serve.texts.chat_server import GOOD, KEY, ChatServer, author, completion, made


def test_a_good_answer(chat: ChatServer) -> None:
    lore = author().write(made(), None)
    assert (lore.name, lore.type, lore.rarity, lore.source) == ("Cinder Waltz", "Rapier", "rare", "gpt:test-model")
    assert lore.flavour == "It leads; you follow."
    assert chat.keys == [f"Bearer {KEY}"]


def test_what_the_model_is_asked(chat: ChatServer) -> None:
    author().write(made(), "long_blade")
    request = chat.requests[0]
    assert request["path"] == "/v1/chat/completions"
    assert request["model"] == "test-model"
    schema = request["response_format"]
    assert schema["type"] == "json_schema"
    assert schema["json_schema"]["strict"] is True
    assert set(schema["json_schema"]["schema"]["required"]) == {"name", "type", "rarity", "flavour", "perks"}
    text, image = request["messages"][1]["content"]
    assert "Long Blade" in text["text"]
    header, data = image["image_url"]["url"].split(",")
    assert header == "data:image/png;base64"
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert picture.size == (512, 512)
    assert picture.getpixel((15, 15)) == (255, 0, 0)
    assert picture.getpixel((16, 16)) == (38, 40, 48)


def test_the_class_wins_over_what_the_model_saw(chat: ChatServer) -> None:
    assert author().write(made(), "war_axe").type == "War Axe"


def test_a_models_long_name_fits_the_store(chat: ChatServer) -> None:
    assert len(author(model="/models/" + "x" * 300).write(made(), None).source) == MAX_SOURCE


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((200, completion(None, refusal="I cannot help with weapons.")), "refused"),
        ((200, completion("It is a nice sword!")), "schema"),
        ((200, completion('{"name": "half')), "schema"),
        ((200, completion(json.dumps(GOOD)[:40], finish="length")), "LengthFinishReasonError"),
        ((200, completion(json.dumps(GOOD | {"name": "x" * 99}))), "card: name"),
        ((200, completion(json.dumps(GOOD | {"name": " \n"}))), "card: name"),
        ((200, completion(json.dumps(GOOD | {"perks": []}))), "card: perks"),
        ((200, completion(json.dumps(GOOD | {"rarity": "mythic"}))), "schema"),
        ((200, completion(None)), "empty"),
        ((200, {**completion("x"), "choices": []}), "empty"),
        ((200, b"<html>gateway</html>"), ""),
        ((200, b"{}"), ""),
        ((200, b"null"), ""),
        ((401, {"error": {"message": f"bad key {KEY}"}}), "AuthenticationError (401)"),
        ((429, {"error": {"message": "slow down"}}), "RateLimitError (429)"),
        ((500, b"oops"), "InternalServerError (500)"),
        ((404, {"error": {"message": "no such model"}}), "NotFoundError (404)"),
    ],
)
def test_whatever_goes_wrong_is_no_text(
    chat: ChatServer, answer: tuple[int, object], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    chat.answer = lambda: answer
    with pytest.raises(NoText) as raised:
        author().write(made(), None)
    assert why in str(raised.value)
    assert KEY not in str(raised.value) + caplog.text


def test_a_server_that_hangs_is_left(chat: ChatServer) -> None:
    chat.answer = lambda: (time.sleep(2.0), (200, {}))[1]
    started = time.monotonic()
    with pytest.raises(NoText, match="Timeout"):
        author().write(made(), None)
    assert time.monotonic() - started < 1.5


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(NoText, match="APIConnectionError"):
        author().write(made(), None)


def test_retries_are_few(chat: ChatServer) -> None:
    chat.answer = lambda: (500, b"oops")
    with pytest.raises(NoText):
        author(max_retries=1, timeout_seconds=10.0).write(made(), None)
    assert len(chat.requests) == 2


def test_the_budget(chat: ChatServer) -> None:
    writer = author(calls_per_hour=2)
    writer.write(made(), None)
    writer.write(made(), None)
    with pytest.raises(NoText, match="budget of 2 calls"):
        writer.write(made(), None)
    assert len(chat.requests) == 2


def test_the_budget_of_dollars(chat: ChatServer) -> None:
    """Each call reads one token and writes one: at these prices two cents."""
    careful = author(dollars_per_day=0.05, read_price=5_000.0, written_price=15_000.0)
    for _ in range(3):
        careful.write(made(), None)
    with pytest.raises(NoText, match=r"budget of 0\.05 dollars a day"):
        careful.write(made(), None)
    assert len(chat.requests) == 3


KNOWN = KnownTexts(
    [
        KnownText(name="The Hawkmoon", type="Hand Cannon", text="Stalk thy prey.", rarity="exotic"),
        KnownText(name="Cinder", type="Rapier", text="Old ash.", rarity="rare"),
        KnownText(name="Long Dusk", type="Rapier", text="", rarity=""),
    ]
)


def test_real_items_show_the_manner(chat: ChatServer) -> None:
    GptAuthor(GptConfig(model="test-model", num_examples=1), KNOWN).write(made(), "rapier")
    told = chat.requests[0]["messages"][0]["content"]
    assert told.endswith("- Cinder (rare, Rapier): Old ash.")
    assert "Hawkmoon" not in told
    author().write(made(), "rapier")
    assert "manner of the game" not in chat.requests[1]["messages"][0]["content"]


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("Cinder Waltz", False),  # a single word may stand in a longer name
        ("CINDER", True),
        ("the hawkmoon", True),
        ("Heir of the Hawkmoon", True),
        ("Löng Dusk", True),
        ("Long Duskfall", False),
    ],
)
def test_a_real_items_name_is_never_given_again(chat: ChatServer, name: str, taken: bool) -> None:
    chat.answer = lambda: (200, completion(json.dumps(GOOD | {"name": name})))
    writer = GptAuthor(GptConfig(model="test-model"), KNOWN)
    if taken:
        with pytest.raises(NoText, match="a real item's"):
            writer.write(made(), None)
    else:
        assert writer.write(made(), None).name == name


@pytest.mark.parametrize("change", [{"name": "Sh1t Cleaver"}, {"flavour": "Well, fuck."}])
def test_indecent_texts_are_not_shown(chat: ChatServer, change: dict) -> None:
    chat.answer = lambda: (200, completion(json.dumps(GOOD | change)))
    with pytest.raises(NoText, match="indecent"):
        author().write(made(), None)


def test_what_is_decent() -> None:
    assert is_decent("Bastard Sword / Assassin of Scunthorpe / Cockatrice Kiss / It was hell, and bloody.")
    assert all(is_decent(" ".join(all_words(write_lore(f"3-0-{number}", None)))) for number in range(300))


def all_words(lore: Lore) -> list[str]:
    return [lore.name, lore.type, lore.flavour, *(f"{perk.name}: {perk.text}" for perk in lore.perks)]


def test_lore_is_read_as_it_was_fetched(tmp_path: Path) -> None:
    file = tmp_path / "lore.jsonl"
    lines = [{"name": "Hawkmoon", "type": "Bow", "text": None, "rarity": None}, {"name": "Ash", "text": "Grey."}]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    known = KnownTexts.read(file)
    assert len(known) == 2
    assert [text.name for text in known.examples(5, 0)] == ["Ash"]
    file.write_text('{"name": "x"}\nnonsense\n')
    with pytest.raises(UserError, match="line 2"):
        KnownTexts.read(file)
    with pytest.raises(UserError, match="cannot be read"):
        KnownTexts.read(tmp_path / "none.jsonl")


def test_when_it_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert not gpt_is_configured()
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")
    assert gpt_is_configured()


def test_a_local_server_needs_no_key(chat: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    assert author().write(made(), None).name == "Cinder Waltz"


@pytest.mark.parametrize("url", ["not a url\x00"])
def test_an_address_that_is_none(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("serve.texts.gpt.os.environ", {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY})
    monkeypatch.setattr("openai.OpenAI", lambda **_: (_ for _ in ()).throw(ValueError(KEY)))
    with pytest.raises(UserError, match="OPENAI_BASE_URL") as raised:
        author()
    assert KEY not in str(raised.value)


def test_texts_are_written_ahead_and_kept(chat: ChatServer, service: Service) -> None:
    service.scribe = Scribe(author(timeout_seconds=5.0), service.foundry, num_shelf=4)
    until = time.monotonic() + 10.0
    while service.scribe.num_ahead < 4:
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(chat.requests) == 4  # the shelf is bounded
    given = service.give(4)
    assert {weapon.lore.source for weapon in given} == {"gpt:test-model"}
    again = service.find(given[0].weapon_id)
    assert again.lore == given[0].lore


def test_a_hanging_server_slows_no_request(chat: ChatServer, service: Service) -> None:
    chat.answer = lambda: (time.sleep(3.0), (200, {}))[1]
    service.scribe = Scribe(author(timeout_seconds=3.0), service.foundry)
    started = time.monotonic()
    given = [service.give()[0] for _ in range(20)]
    assert time.monotonic() - started < 2.0
    assert {weapon.lore.source for weapon in given} == {"grammar"}


def test_an_author_that_fails_is_left_alone_for_a_while(chat: ChatServer, service: Service) -> None:
    chat.answer = lambda: (500, b"oops")
    service.scribe = Scribe(author(timeout_seconds=5.0), service.foundry, num_workers=1, first_pause_seconds=0.2)
    time.sleep(1.0)
    assert 2 <= len(chat.requests) <= 4  # at 0, 0.2 and 0.6 s
    assert "500" in str(service.scribe.last_failure)


def test_texts_for_an_ensemble_that_went_are_given_up(chat: ChatServer, service: Service) -> None:
    service.scribe = Scribe(author(timeout_seconds=5.0), service.foundry, num_shelf=3)
    while service.scribe.num_ahead < 3:
        time.sleep(0.01)
    service.foundry.swap(DrawnEnsemble(version="4", fingerprint="4"))
    assert {service.give()[0].weapon_id.version for _ in range(8)} == {"4"}

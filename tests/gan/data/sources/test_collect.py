"""A run into a folder: what lies where, going on after a cut, and what stops a run and what does not."""

import argparse
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest

from gan.data.dataset import load_pictures
from gan.data.sources.collect import FAULTS_IN_A_ROW, collect
from gan.data.sources.http import Client
from gan.data.sources.interface import Announce, Item, Missing, RemotePicture, Source, StoredPicture
from gan.data.sources.lore import read_lore
from gan.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Shop(Source):
    """A service of one document: {"things": [{"id", "name", "class", "pictures": [path, …]}]}."""

    NAME: ClassVar[str] = "shop"
    GIVES: ClassVar[str] = "Things."
    LICENCE: ClassVar[str] = "All yours."
    LICENCE_URL: ClassVar[str] = "https://shop.example/licence"
    ANSWERS_PER_SECOND: ClassVar[float] = 2.0
    DOWNLOADS_PER_SECOND: ClassVar[float] = 2.0
    TEACHES: ClassVar[str] = ""

    base_url: str
    flavour: str = "plain"

    def items(self, client: Client, announce: Announce) -> Iterator[Item | Missing]:
        things = client.answer(f"{self.base_url}/things")["things"]
        announce(len(things))
        for thing in things:
            client.answer(f"{self.base_url}/things/{thing['id']}")
            yield Item(
                key=str(thing["id"]),
                name=thing["name"],
                class_name=thing["class"],
                text=f"It is {thing['name']}.",
                pictures=tuple(
                    RemotePicture(kind=str(i), url=f"{self.base_url}{path}") for i, path in enumerate(thing["pictures"])
                ),
            )

    def identity(self) -> dict[str, Any]:
        return {"flavour": self.flavour}

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None: ...

    @classmethod
    def from_options(cls, options: argparse.Namespace, environment: Mapping[str, str]) -> Self:
        raise AssertionError


@pytest.fixture
def shop(server) -> Shop:
    """Twelve things, two classes, one picture each."""
    things = []
    for number in range(12):
        server.picture(f"/{number}.png", f"rgb({number * 20}, 0, 0)")
        server.json(f"/things/{number}", {})
        name = f"Thing {number}"
        things.append(
            {"id": number, "name": name, "class": ("Odd", "Even")[number % 2 == 0], "pictures": [f"/{number}.png"]}
        )
    server.json("/things", {"things": things})
    return Shop(base_url=server.url)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_the_folder_is_read_by_gan_data_as_it_is(shop, client, out, lore) -> None:
    collected = collect(shop, client, out)
    assert (collected.items, collected.new, collected.classes) == (12, 12, {"Even": 6, "Odd": 6})
    pictures = load_pictures(str(out))
    assert len(pictures) == 12
    assert pictures.class_names == ("Even", "Odd")
    assert not pictures.skipped
    assert lore()[3] == {
        "key": "3",
        "name": "Thing 3",
        "type": "Odd",
        "text": "It is Thing 3.",
        "rarity": None,
        "picture": "Odd/thing-3-3-0.png",
        "pictures": [{"kind": "0", "path": "Odd/thing-3-3-0.png", "origin": f"{shop.base_url}/3.png"}],
        "details": {},
    }
    assert [line["key"] for line in read_lore(out / "lore.jsonl")] == [str(n) for n in range(12)]
    assert all((out / line["picture"]).is_file() for line in lore())
    record = json.loads((out / "source.json").read_text())
    assert record["source"] == "shop"
    assert record["licence"] == "All yours."
    assert record["url"] == shop.base_url
    assert record["complete"] is True
    assert (record["items"], record["pictures"], record["classes"]) == (12, 12, {"Even": 6, "Odd": 6})
    assert record["fetched"].endswith("+00:00")


def test_a_second_run_asks_for_nothing(shop, client, out, server) -> None:
    collect(shop, client, out)
    asked = len(server.asked)
    again = collect(shop, client, out)
    assert (again.items, again.new) == (12, 0)
    assert len(server.asked) == asked


def test_the_limit_asks_for_no_more_than_it_takes_and_can_grow(shop, client, out, server, lore) -> None:
    assert collect(shop, client, out, limit=5).items == 5
    assert server.times("/things/4") == 1
    assert server.times("/things/5") == 0
    assert json.loads((out / "source.json").read_text())["complete"] is False
    assert collect(shop, client, out, limit=8).new == 3
    assert collect(shop, client, out).new == 4
    assert [line["key"] for line in lore()] == [str(n) for n in range(12)]
    assert all(server.times(f"/{n}.png") == server.times(f"/things/{n}") == 1 for n in range(12))


def test_cut_by_ctrl_c_it_goes_on(shop, client, out, server, Reply, lore) -> None:
    whole = server.routes["/6.png"]

    class Stop(BaseException):
        pass

    def cut(seconds: float) -> None:
        if server.times("/6.png"):
            raise Stop

    server.routes["/6.png"] = [Reply(status=500), *whole]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "clock", type(client.clock)(sleep=cut))
        with pytest.raises(Stop):
            collect(shop, client, out)
    assert len(lore()) == 6
    assert json.loads((out / "source.json").read_text())["complete"] is False
    assert collect(shop, client, out).new == 6
    assert all(server.times(f"/{n}.png") == 1 for n in range(12) if n != 6)
    assert server.times("/things") == 1


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that cannot be caught")
def test_killed_it_goes_on_and_fetches_nothing_twice(shop, client, out, server, Reply, lore) -> None:
    """A process of its own, killed by the server while it waits for the eighth picture."""
    program = textwrap.dedent(f"""
        import importlib.util, sys
        from pathlib import Path
        from gan.data.sources.collect import collect
        from gan.data.sources.http import Client, Manners
        spec = importlib.util.spec_from_file_location("shop", {str(Path(__file__).resolve())!r})
        module = importlib.util.module_from_spec(spec)
        sys.modules["shop"] = module
        spec.loader.exec_module(module)
        out = Path({str(out)!r})
        manners = Manners(answers_per_second=1000, downloads_per_second=1000)
        with Client(keep=out / ".fetch", manners=manners) as client:
            collect(module.Shop(base_url={server.url!r}), client, out)
    """)
    (picture,) = server.routes["/7.png"]
    process: list[subprocess.Popen[bytes]] = []

    def kill(_: object) -> object:
        server.routes["/7.png"] = [picture]
        os.kill(process[0].pid, signal.SIGKILL)
        return Reply(picture.body, send=10)

    server.routes["/7.png"] = kill
    process.append(subprocess.Popen([sys.executable, "-c", program]))
    assert process[0].wait(60) == -signal.SIGKILL
    before = [line["key"] for line in lore()]
    assert before == [str(n) for n in range(7)]
    assert collect(shop, client, out).new == 5
    assert [line["key"] for line in lore()] == [str(n) for n in range(12)]
    assert all(server.times(f"/{n}.png") == 1 for n in range(12) if n != 7)
    assert all(server.times(f"/things/{n}") == 1 for n in range(12))
    assert len(load_pictures(str(out))) == 12


def test_a_half_written_line_is_dropped_and_its_picture_kept(shop, client, out, server, lore) -> None:
    collect(shop, client, out, limit=4)
    text = (out / "lore.jsonl").read_bytes()
    (out / "lore.jsonl").write_bytes(text[:-20])
    assert collect(shop, client, out).new == 9
    assert [line["key"] for line in lore()] == [str(n) for n in range(12)]
    assert server.times("/3.png") == 1


def test_what_is_not_there_costs_its_item_only(shop, client, out, server, Reply, lore) -> None:
    del server.routes["/2.png"]
    server.routes["/5.png"] = [Reply(b"<html>gone</html>")]
    collected = collect(shop, client, out)
    assert collected.items == 10
    assert [(missing.key, missing.later) for missing in collected.missing] == [("2", False), ("5", False)]
    assert "not a picture" in collected.missing[1].reason
    assert {line["key"] for line in lore()}.isdisjoint({"2", "5"})
    assert len(json.loads((out / "source.json").read_text())["missing"]) == 2


def test_a_passing_fault_is_tried_again_by_the_next_run(shop, client, out, server, Reply, lore) -> None:
    whole = server.routes["/2.png"]
    server.routes["/2.png"] = [Reply(status=500)]
    first = collect(shop, client, out)
    assert (first.items, first.missing[0].later) == (11, True)
    assert json.loads((out / "source.json").read_text())["complete"] is False
    server.routes["/2.png"] = whole
    assert collect(shop, client, out).new == 1
    assert json.loads((out / "source.json").read_text())["complete"] is True


def test_a_service_that_is_down_stops_the_run(shop, client, out, server, Reply) -> None:
    for number in range(3, 12):
        server.routes[f"/{number}.png"] = [Reply(status=503)]
    with pytest.raises(UserError, match=r"items in a row .* goes on where it was"):
        collect(shop, client, out)
    tried = [number for number in range(3, 12) if server.times(f"/{number}.png")]
    assert len(tried) == FAULTS_IN_A_ROW


def test_a_list_that_cannot_be_had_stops_the_run(shop, client, out, server) -> None:
    del server.routes["/things"]
    with pytest.raises(UserError, match=r"/things: answers 404; run the same command again later"):
        collect(shop, client, out)


def test_a_picture_that_two_items_share_is_kept_once(client, out, server, lore) -> None:
    server.picture("/same.png")
    for number in range(2):
        server.json(f"/things/{number}", {})
    server.json(
        "/things",
        {"things": [{"id": n, "name": f"T{n}", "class": "A", "pictures": ["/same.png"]} for n in range(2)]},
    )
    collect(Shop(base_url=server.url), client, out)
    assert [line["picture"] for line in lore()] == ["A/t0-0-0.png"] * 2
    assert len(load_pictures(str(out))) == 1
    assert json.loads((out / "source.json").read_text())["pictures"] == 1


def test_hostile_names_stay_in_the_folder(client, out, server, tmp_path, lore) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Hostile(Shop):
        def items(self, client: Client, announce: Announce) -> Iterator[Item | Missing]:
            for name in ("../../up", "/etc/passwd", "..\\..\\up", "C:up", "\x00", ""):
                data = b"\x89PNG\r\n\x1a\n" + name.encode()
                picture = StoredPicture(kind="../k", member=name, data=data)
                yield Item(key=name, name=name, class_name=name, pictures=(picture,))

    collect(Hostile(base_url=server.url), client, out)
    files = [path for path in tmp_path.rglob("*.png*")]
    assert len(files) == 6
    assert all(path.parent.parent == out for path in files)
    assert len(lore()) == 6


def test_a_folder_belongs_to_one_source_and_its_options(shop, client, out, tmp_path) -> None:
    collect(shop, client, out, limit=1)
    other = Shop(base_url=shop.base_url, flavour="sweet")
    with pytest.raises(UserError, match=r"holds shop with .*plain.* not shop with .*sweet"):
        collect(other, client, out)
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="holds something else"):
        collect(shop, client, strange)
    with pytest.raises(UserError, match="is a file"):
        collect(shop, client, strange / "mine.txt")


def test_a_lore_file_that_is_not_ours_is_named(shop, client, out) -> None:
    collect(shop, client, out, limit=1)
    (out / "lore.jsonl").write_text('{"other": 1}\n')
    with pytest.raises(UserError, match=r"lore\.jsonl line 1"):
        collect(shop, client, out)


def test_no_record_shows_a_password(shop, client, out) -> None:
    secret = Shop(base_url=shop.base_url.replace("://", "://me:word@"))
    collect(secret, client, out, limit=1)
    assert "word@" not in (out / "source.json").read_text()

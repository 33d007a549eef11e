"""The polite client against a real server: waits, repetitions, refusals, cut bodies, what is never asked twice."""

import gzip
import re
import socket
from pathlib import Path

import pytest

from gan.data.sources.http import Client, Throttled, Unavailable, shown
from gan.errors import UserError


def test_names_itself(server, client) -> None:
    server.json("/a", {})
    client.answer(f"{server.url}/a")
    assert re.fullmatch(r"ganvil/\d+\.\d+\.\d+", server.asked[0].headers["user-agent"])


def test_an_answer_is_asked_for_once_in_a_lifetime(server, client, tmp_path, sleeper) -> None:
    server.json("/a", {"n": 1}, {"n": 2})
    assert client.answer(f"{server.url}/a", query={"q": "x y"}) == {"n": 1}
    assert server.asked[0].query == {"q": "x y"}
    with Client(keep=tmp_path / "out" / ".fetch", clock=sleeper.clock) as another:
        assert another.answer(f"{server.url}/a", query={"q": "x y"}) == {"n": 1}
    assert client.answer(f"{server.url}/a", query={"q": "z"}) == {"n": 2}, "another query is another question"
    assert server.times("/a") == 2


def test_requests_are_spaced(server, client, sleeper) -> None:
    for number in range(5):
        server.json(f"/{number}", {})
        client.answer(f"{server.url}/{number}")
    assert sleeper.seconds == pytest.approx(4 / client.manners.answers_per_second)


def test_429_waits_as_many_seconds_as_asked(server, client, sleeper, Reply) -> None:
    server.routes["/a"] = [Reply(status=429, headers={"Retry-After": "37"}), Reply(b"{}")]
    client.answer(f"{server.url}/a")
    assert 37 <= sleeper.seconds < 39


def test_429_waits_until_the_date_asked(server, client, sleeper, Reply) -> None:
    date = {"Retry-After": "Thu, 01 Jan 2026 00:02:00 GMT"}  # two minutes after the sleeper's beginning
    server.routes["/a"] = [Reply(status=429, headers=date), Reply(b"{}")]
    client.answer(f"{server.url}/a")
    assert 120 <= sleeper.seconds < 122


@pytest.mark.parametrize("value", ["soon", "-5", "Thu, 01 Jan 2015 00:00:00 GMT", "0"])
def test_a_useless_retry_after_falls_back_to_our_own_pause(server, client, sleeper, Reply, value) -> None:
    server.routes["/a"] = [Reply(status=503, headers={"Retry-After": value}), Reply(b"{}")]
    client.answer(f"{server.url}/a")
    assert 0.5 <= sleeper.seconds <= 1.5


def test_a_very_long_wait_is_left_to_the_user(server, client, sleeper, Reply) -> None:
    server.routes["/a"] = [Reply(status=429, headers={"Retry-After": "7200"})]
    with pytest.raises(UserError, match=r"wait 120 minutes: run the same command again"):
        client.answer(f"{server.url}/a")
    assert sleeper.seconds < 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_faults_are_repeated(server, client, Reply, status) -> None:
    server.routes["/a"] = [Reply(status=status), Reply(status=status), Reply(b'"here"')]
    assert client.answer(f"{server.url}/a") == "here"


def test_pauses_double_with_jitter_and_end(server, client, sleeper, Reply) -> None:
    server.routes["/a"] = [Reply(status=500)]
    with pytest.raises(Unavailable, match=r"answers 500, 4 times over") as caught:
        client.answer(f"{server.url}/a")
    assert caught.value.later
    assert server.times("/a") == 4
    pauses = sleeper.slept
    assert len(pauses) == 3
    for pause, doubled in zip(pauses, (1, 2, 4), strict=True):
        assert doubled / 2 <= pause <= doubled
    assert len({pause / doubled for pause, doubled in zip(pauses, (1, 2, 4), strict=True)}) == 3, "no jitter"


def test_no_server_at_all(client, sleeper) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/a"
        with pytest.raises(Unavailable, match="ConnectError") as caught:
            client.answer(url)
    assert caught.value.later
    assert len(sleeper.slept) >= 3


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_names_the_variable_and_no_secret(server, client, Reply, status) -> None:
    server.routes["/a"] = [Reply(status=status)]
    with pytest.raises(UserError, match="SOME_API_KEY") as caught:
        client.answer(f"{server.url}/a", query={"q": "hidden"}, secret_headers={"X-API-Key": "secret-123"})
    assert server.asked[0].headers["x-api-key"] == "secret-123"
    assert "secret-123" not in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert "https://keys.example" in str(caught.value)
    assert server.times("/a") == 1


def test_a_key_that_is_no_header_is_not_shown(server, client) -> None:
    with pytest.raises(Unavailable, match="HTTP does not allow") as caught:
        client.answer(f"{server.url}/a", secret_headers={"X-API-Key": "secret\n123"})
    assert "secret" not in str(caught.value)


def test_a_refusal_without_a_key_says_to_slow_down(server, tmp_path, sleeper, Reply) -> None:
    server.routes["/a"] = [Reply(status=403)]
    with (
        Client(keep=tmp_path, clock=sleeper.clock) as keyless,
        pytest.raises(UserError, match="--requests-per-second"),
    ):
        keyless.answer(f"{server.url}/a")


def test_a_key_does_not_follow_to_another_host(server, new_server, client, Reply) -> None:
    other = new_server()
    other.json("/b", {"n": 2})
    server.json("/c", {"n": 3})
    server.routes["/away"] = [Reply(status=302, headers={"Location": f"{other.url}/b"})]
    server.routes["/here"] = [Reply(status=301, headers={"Location": "/c"})]
    key = {"X-API-Key": "secret-123"}
    assert client.answer(f"{server.url}/away", secret_headers=key) == {"n": 2}
    assert "x-api-key" not in other.asked[0].headers
    assert client.answer(f"{server.url}/here", secret_headers=key) == {"n": 3}
    assert server.asked[-1].headers["x-api-key"] == "secret-123"


def test_redirects_end(server, client, Reply) -> None:
    server.routes["/a"] = [Reply(status=302, headers={"Location": "/a"})]
    with pytest.raises(Unavailable, match="redirects"):
        client.answer(f"{server.url}/a")


def test_a_cut_picture_is_fetched_again(server, client, Reply, png) -> None:
    data = png("red")
    server.routes["/p.png"] = [Reply(data, send=len(data) // 2), Reply(data, send=0), Reply(data)]
    assert client.picture(f"{server.url}/p.png") == data
    assert server.times("/p.png") == 3


def test_a_picture_that_is_not_there_is_final(server, client) -> None:
    with pytest.raises(Unavailable, match="answers 404") as caught:
        client.picture(f"{server.url}/p.png?sig=hidden")
    assert not caught.value.later
    assert "hidden" not in str(caught.value)
    assert server.times("/p.png") == 1


def test_size_limits_hold_before_and_after_unpacking(server, client, Reply, monkeypatch) -> None:
    monkeypatch.setattr("gan.data.sources.http.MOST_BYTES_A_PICTURE", 1000)
    monkeypatch.setattr("gan.data.sources.http.MOST_BYTES_AN_ANSWER", 1000)
    server.routes["/p.png"] = [Reply(bytes(1001))]
    server.routes["/bomb"] = [Reply(gzip.compress(b"1" * 100_000), headers={"Content-Encoding": "gzip"})]
    with pytest.raises(Unavailable, match="over 1,000 bytes"):
        client.picture(f"{server.url}/p.png")
    with pytest.raises(Unavailable, match="over 1,000 bytes"):
        client.answer(f"{server.url}/bomb")


def test_an_archive_is_whole_or_absent_and_fetched_once(server, client, Reply) -> None:
    data = bytes(range(256)) * 1000
    server.routes["/a.zip"] = [Reply(data, send=1000)]
    with pytest.raises(Unavailable):
        client.archive(f"{server.url}/a.zip")
    assert not [path for path in (client.keep / "archives").iterdir() if path.suffix != ".part"]
    server.routes["/a.zip"] = [Reply(data)]
    path = client.archive(f"{server.url}/a.zip")
    assert path.read_bytes() == data
    asked = server.times("/a.zip")
    assert client.archive(f"{server.url}/a.zip") == path
    assert server.times("/a.zip") == asked


def test_an_answer_that_is_no_json_is_repeated(server, client, Reply) -> None:
    server.routes["/a"] = [Reply(b"<html>maintenance</html>"), Reply(b"[1]")]
    assert client.answer(f"{server.url}/a") == [1]


def test_the_judge_reads_throttling_in_a_good_answer(server, client, sleeper) -> None:
    server.json("/a", {"wait": 12}, {"wait": 0})

    def judge(status: int, document: object) -> Throttled | None:
        assert status == 200
        assert isinstance(document, dict)
        return Throttled(reason="throttled", seconds=float(document["wait"])) if document["wait"] else None

    assert client.answer(f"{server.url}/a", judge=judge) == {"wait": 0}
    assert 12 <= sleeper.seconds < 14


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/a", "nonsense", "http://"])
def test_only_web_addresses(client: Client, url: str) -> None:
    with pytest.raises(Unavailable, match="address"):
        client.picture(url)


def test_what_is_shown_of_an_address() -> None:
    assert shown("https://me:word@host.example:8443/a/b?sig=1#c") == "https://host.example:8443/a/b"


def test_nothing_is_written_outside(server, client, tmp_path: Path) -> None:
    server.json("/../../a", {})
    server.json("/a", {})
    client.answer(f"{server.url}/../../a")
    assert {path.relative_to(tmp_path).parts[:2] for path in tmp_path.rglob("*") if path.is_file()} == {
        ("out", ".fetch")
    }

"""A set behind an address: a web server with byte ranges and one without, memory, a server that is not there."""

import io
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import fsspec
import pytest

from gan.data.__main__ import main
from gan.data.armory import draw_armory
from gan.data.dataset import load_pictures
from gan.errors import UserError
from gan.pixels import to_pil


@pytest.fixture(scope="module")
def zipped() -> bytes:
    """Six weapons in two folders, with something large before them, so that they are not all in one block."""
    file = io.BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("ballast.bin", bytes(1 << 20))
        for index, image in enumerate(draw_armory(6, 32, 32).images):
            png = io.BytesIO()
            to_pil(image).save(png, "PNG")
            archive.writestr(f"{'ab'[index % 2]}/{index}.png", png.getvalue())
    return file.getvalue()


@pytest.fixture(params=["with ranges", "without ranges", "cut short"])
def server(request: pytest.FixtureRequest, zipped: bytes) -> Iterator[str]:
    kind = request.param

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.wfile.write(self.answer())

        def answer(self) -> bytes:
            if self.path.partition("?")[0] != "/set.zip":
                self.send_error(404)
                return b""
            part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            body = zipped
            if kind == "with ranges" and part:
                start, end = int(part[1]), min(int(part[2] or len(zipped) - 1), len(zipped) - 1)
                body = zipped[start : end + 1]
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{end}/{len(zipped)}")
            else:
                self.send_response(200)
            if kind == "with ranges":
                self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            return body[:-1000] if kind == "cut short" else body

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that has read enough closes the connection."""

    httpd = Quiet(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"{kind} http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()


def test_a_web_server_s_set_is_the_set(server: str, zipped: bytes, tmp_path: Path) -> None:
    kind, url = server.rsplit(" ", 1)
    (tmp_path / "set.zip").write_bytes(zipped)
    if kind == "cut short":
        with pytest.raises(UserError, match=r"broke off: .*; give a URL of a zip that can be read"):
            load_pictures(f"{url}/set.zip")
    else:
        assert load_pictures(f"{url}/set.zip").fingerprint == load_pictures(str(tmp_path / "set.zip")).fingerprint
        out = tmp_path / "out.zip"
        assert main(["import", f"{url}/set.zip?token=secret", "--out", str(out)]) == 0
        assert load_pictures(str(out)).fingerprint == load_pictures(str(tmp_path / "set.zip")).fingerprint
        assert b"secret" not in out.read_bytes()
    with pytest.raises(UserError, match="cannot be opened: nothing is there"):
        load_pictures(f"{url}/none.zip")


def test_memory(zipped: bytes, tmp_path: Path) -> None:
    with fsspec.open("memory://sets/set.zip", "wb") as file:
        file.write(zipped)
    assert len(load_pictures("memory://sets/set.zip")) == 6


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "open", missing)
    with pytest.raises(UserError, match="needs a library that is not installed: Install s3fs to access S3, then try"):
        load_pictures("s3://bucket/set.zip")

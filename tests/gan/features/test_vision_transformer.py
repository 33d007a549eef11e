import dataclasses
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import gan  # noqa: F401  before timm, which imports torchvision
from gan.errors import UserError
from gan.features.clean_resize import clean_resize
from gan.features.registry import FEATURE_NETS, load_feature_net
from gan.features.vision_transformer import CLIP, DINOV2, DINOV2_SMALL, Transformer, VisionTransformer

timm = pytest.importorskip("timm")

CPU = torch.device("cpu")
SMALL = Transformer(
    name="small",
    architecture="test_vit.r160_in1k",
    environment_variable="GANVIL_SMALL",
    num_features=64,
    mean=(0.5, 0.4, 0.3),
    deviation=(0.2, 0.3, 0.4),
)


def pictures(num: int, channels: int = 3, height: int = 20, width: int = 28) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (num, channels, height, width), dtype=np.uint8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """timm's smallest vision transformer for 160 px (10x10 patches), drawn at random."""
    network = timm.create_model("test_vit", pretrained=False)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
    file = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, file)
    return file


@pytest.fixture
def net(weights: Path, monkeypatch: pytest.MonkeyPatch) -> VisionTransformer:
    monkeypatch.setenv("GANVIL_SMALL", str(weights))
    return VisionTransformer(SMALL, CPU)


def test_features_are_the_class_token_of_the_normalised_picture(net: VisionTransformer, weights: Path) -> None:
    network = timm.create_model(
        "test_vit", num_classes=0, pretrained=True, pretrained_cfg_overlay={"file": str(weights)}
    )
    network.set_input_size(img_size=(224, 224))
    network.pos_embed.data.copy_(net._network.pos_embed)
    images = pictures(3, channels=4)
    colours = (clean_resize(images, 224) / 255.0 - np.array(SMALL.mean)[:, None, None]) / np.array(SMALL.deviation)[
        :, None, None
    ]
    with torch.inference_mode():
        expected = network.eval()(torch.from_numpy(colours.astype(np.float32))).numpy()
    np.testing.assert_allclose(net(images), expected, rtol=1e-4, atol=1e-5)


def test_the_table_of_positions_is_stretched_without_low_pass(net: VisionTransformer, weights: Path) -> None:
    """Bicubic at a scale of 14.1 / 10, the class token's left alone: the first place's weights by hand."""
    from safetensors.torch import load_file

    table = load_file(weights)["pos_embed"]
    stretched = net._network.pos_embed.detach()
    assert stretched.shape == (1, 1 + 14 * 14, 64)
    torch.testing.assert_close(stretched[:, :1], table[:, :1])
    places = table[0, 1:].unflatten(0, (10, 10))

    def cubic(distance: float) -> float:
        a, x = -0.75, abs(distance)  # torch's kernel
        return (a + 2) * x**3 - (a + 3) * x**2 + 1 if x <= 1 else a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a

    def line(place: int) -> list[tuple[int, float]]:
        centre = (place + 0.5) * 10 / 14.1 - 0.5
        first = int(np.floor(centre))
        return [(min(max(at, 0), 9), cubic(centre - at)) for at in range(first - 1, first + 3)]

    expected = sum(places[i, j] * u * v for i, u in line(3) for j, v in line(8))
    torch.testing.assert_close(stretched[0, 1 + 3 * 14 + 8], expected, rtol=1e-4, atol=1e-5)


def test_a_picture_does_not_know_its_neighbours(net: VisionTransformer) -> None:
    images = pictures(18, channels=4)
    together = net(images)
    assert together.shape == (18, 64)
    assert together.std(axis=0).min() > 0
    np.testing.assert_array_equal(net(images[17:])[0], together[17])
    assert net(images[:0]).shape == (0, 64)


def test_fingerprint_is_of_the_weights(
    net: VisionTransformer, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import load_file

    assert VisionTransformer(SMALL, CPU).fingerprint == net.fingerprint
    changed = load_file(weights)
    changed["norm.bias"][0] += 1e-3
    save_file(changed, tmp_path / "other.safetensors")
    monkeypatch.setenv("GANVIL_SMALL", str(tmp_path / "other.safetensors"))
    assert VisionTransformer(SMALL, CPU).fingerprint != net.fingerprint


def test_files_that_are_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pickle, broken, another = tmp_path / "a.pth", tmp_path / "broken.safetensors", tmp_path / "another.safetensors"
    torch.save({}, pickle)
    broken.write_bytes(b"no weights")
    save_file({"weight": torch.zeros(3)}, another)
    for given, said in (
        (tmp_path / "absent.safetensors", "is not a .safetensors file"),
        (pickle, "is not a .safetensors file"),
        (broken, "no weights of test_vit"),
        (another, "no weights of test_vit"),
    ):
        monkeypatch.setenv("GANVIL_SMALL", str(given))
        with pytest.raises(UserError, match=said) as error:
            VisionTransformer(SMALL, CPU)
        assert "\n" not in str(error.value)
        assert "set GANVIL_SMALL to the .safetensors file of timm's test_vit" in str(error.value)


def test_without_timm_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    for name in ("dinov2", "dinov2s", "clip"):
        with pytest.raises(UserError, match=r"pip install 'ganvil\[vision\]'"):
            load_feature_net(name, CPU)


@pytest.mark.parametrize("kind", [DINOV2, DINOV2_SMALL, CLIP])
def test_the_named_nets_are_timms(kind: Transformer) -> None:
    """Width, weights on the hub, and the colours that the weights were trained with."""
    assert kind.name in FEATURE_NETS
    network, tag = kind.architecture.split(".")
    settings = timm.get_pretrained_cfg(kind.architecture)
    assert settings.tag == tag
    assert settings.hf_hub_id
    assert (kind.mean, kind.deviation) == (tuple(settings.mean), tuple(settings.std))
    with torch.device("meta"):
        built = timm.create_model(network, pretrained=False, num_classes=kind.num_outputs)
    assert (kind.num_outputs or built.num_features) == kind.num_features


class Hub(BaseHTTPRequestHandler):
    """The Hugging Face hub's answers for one file of one repository."""

    content = b""
    gets: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self.gets.append(self.path)
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        found = self.path.split("?")[0] == "/timm/test_vit.r160_in1k/resolve/main/model.safetensors"
        self.send_response(200 if found else 404)
        content = self.content if found else b""
        if found:
            self.send_header("X-Repo-Commit", "1" * 40)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        else:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(weights: Path) -> Iterator[str]:
    Hub.content, Hub.gets = weights.read_bytes(), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def fingerprint_from(hub: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own, because the hub's client reads its settings when it is imported."""
    code = f"""
import torch
from gan.errors import UserError
from gan.features.vision_transformer import Transformer, VisionTransformer
try:
    print(VisionTransformer(Transformer(**{dataclasses.asdict(SMALL)!r}), torch.device("cpu")).fingerprint)
except UserError as error:
    raise SystemExit(f"told: {{error}}")
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "GANVIL_"))}
    environment |= {"HF_ENDPOINT": hub, "HF_HOME": str(cache), "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[3])
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment, check=False
    )


def test_weights_come_from_the_hub_once(net: VisionTransformer, hub: str, tmp_path: Path) -> None:
    first = fingerprint_from(hub, tmp_path)
    assert first.stdout.strip() == net.fingerprint, first.stderr
    assert len(Hub.gets) == 1
    second = fingerprint_from(hub, tmp_path)
    assert second.stdout.strip() == net.fingerprint, second.stderr
    assert len(Hub.gets) == 1


def test_offline_says_the_way_out(tmp_path: Path) -> None:
    run = fingerprint_from("http://127.0.0.1:9", tmp_path)
    assert "told: no weights of test_vit.r160_in1k in the Hugging Face hub" in run.stderr
    assert "set GANVIL_SMALL" in run.stderr
    assert "Traceback" not in run.stderr

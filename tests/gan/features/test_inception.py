import hashlib
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan.errors import UserError
from gan.features import inception
from gan.features.clean_resize import clean_resize, flatten_on_grey
from gan.features.inception import ENVIRONMENT_VARIABLE, FILE_NAME
from gan.features.registry import load_feature_net

CPU = torch.device("cpu")


class StandIn(nn.Module):
    """The real file's interface: `layers` from a normalised [n, 3, 299, 299] to 2,048 features."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 2048, 13, stride=143), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.layers.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.05

    def forward(self, x: Tensor) -> Tensor:
        return self.layers((x - 128) / 128)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("inception") / FILE_NAME
    torch.jit.script(StandIn(0)).save(str(file))
    return file


@pytest.fixture
def stand_in(saved: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file, taken for the real one."""
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(saved.read_bytes()).hexdigest())
    return saved


def pictures(num: int, channels: int = 3, height: int = 20, width: int = 28) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (num, channels, height, width), dtype=np.uint8)


def test_agrees_with_clean_fid(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """clean-fid's own wrapper and resizer on the same file."""
    from cleanfid.inception_torchscript import InceptionV3W
    from cleanfid.resize import build_resizer

    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(stand_in))
    net = load_feature_net("inception", CPU)
    images = pictures(3)
    resize = build_resizer("clean")
    batch = np.stack([resize(image.transpose(1, 2, 0)).transpose(2, 0, 1) for image in images])
    theirs = InceptionV3W(str(stand_in.parent), download=False)(torch.from_numpy(batch)).detach().numpy()
    np.testing.assert_allclose(net(images), theirs, rtol=1e-4, atol=1e-5)
    assert (net.name, net.num_features, net.standardised) == ("inception", 2048, False)


def test_a_picture_does_not_know_its_neighbours(stand_in: Path) -> None:
    net = inception.Inception(stand_in, CPU)
    images = pictures(18, channels=4)
    together = net(images)
    np.testing.assert_array_equal(net(images[17:])[0], together[17])
    assert net(images[:0]).shape == (0, 2048)


def test_only_the_real_file_is_run(stand_in: Path, tmp_path: Path) -> None:
    other, copy = tmp_path / "other.pt", tmp_path / "copy.pt"
    copy.write_bytes(stand_in.read_bytes())
    assert inception.Inception(copy, CPU).fingerprint == inception.Inception(stand_in, CPU).fingerprint
    torch.jit.script(StandIn(1)).save(str(other))
    with pytest.raises(UserError, match="its SHA-256 is"):
        inception.Inception(other, CPU)


def test_transparent_is_mid_grey() -> None:
    images = np.zeros((1, 4, 2, 2), dtype=np.uint8)
    images[0, :, 0, 0] = (200, 100, 50, 255)
    images[0, :, 1, 1] = (60, 60, 60, 127)
    flat = flatten_on_grey(images)
    assert flat.shape == (1, 3, 2, 2)
    np.testing.assert_array_equal(flat[0, :, 0, 0], [200, 100, 50])
    np.testing.assert_array_equal(flat[0, :, 0, 1], [128, 128, 128])
    np.testing.assert_array_equal(flat[0, :, 1, 1], [124, 124, 124])
    grey = pictures(2, channels=1)
    np.testing.assert_array_equal(flatten_on_grey(grey), np.repeat(grey, 3, axis=1))
    assert clean_resize(images, 299).shape == (1, 3, 299, 299)


def test_offline_says_what_was_tried_and_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setattr(inception, "CLEANFID_CACHE", tmp_path)
    monkeypatch.setattr("cleanfid.downloads_helper.inception_url", "http://127.0.0.1:9/inception.pt")
    with pytest.raises(UserError) as error:
        load_feature_net("inception", CPU)
    message = str(error.value)
    assert "\n" not in message
    for part in (str(tmp_path / FILE_NAME), "127.0.0.1:9", ENVIRONMENT_VARIABLE, "--features randconv"):
        assert part in message
    assert list(tmp_path.iterdir()) == []


def test_download_fills_the_cache_once(stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setattr(inception, "CLEANFID_CACHE", tmp_path)
    monkeypatch.setattr("cleanfid.downloads_helper.inception_url", stand_in.as_uri())
    first = load_feature_net("inception", CPU)
    assert [file.name for file in tmp_path.iterdir()] == [FILE_NAME]

    def offline(*_: object) -> None:
        raise urllib.error.URLError("offline")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    assert load_feature_net("inception", CPU).fingerprint == first.fingerprint


def test_a_download_of_something_else_never_becomes_the_cache(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setattr(inception, "CLEANFID_CACHE", tmp_path)
    monkeypatch.setattr("cleanfid.downloads_helper.inception_url", saved.as_uri())
    with pytest.raises(UserError, match=inception.SHA256):
        load_feature_net("inception", CPU)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_download_never_becomes_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half_way(folder: str) -> None:
        Path(folder, FILE_NAME).write_bytes(b"half")
        raise ConnectionResetError("reset by peer")

    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setattr(inception, "CLEANFID_CACHE", tmp_path)
    monkeypatch.setattr("cleanfid.downloads_helper.check_download_inception", half_way)
    with pytest.raises(UserError, match="reset by peer"):
        load_feature_net("inception", CPU)
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "absent.pt"))
    with pytest.raises(UserError, match=r"absent\.pt' is not a file"):
        load_feature_net("inception", CPU)
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"no network")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(broken))
    with pytest.raises(UserError, match="is not clean-fid's TorchScript Inception"):
        load_feature_net("inception", CPU)

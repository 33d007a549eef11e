"""`inception`: clean-fid's Inception net (Parmar et al. 2022, arXiv:2104.11222), as FID is usually reported.

The network is NVIDIA's TorchScript export of the 2015 TensorFlow weights, which clean-fid downloads; a file that is
not that one to the bit is refused, because the name stands in every number. Pictures are brought to 299x299 as
gan/features/clean_resize.py says. Features are the 2,048 of the last pooling, used raw.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan.errors import UserError
from gan.features.photograph_net import PhotographNet

ENVIRONMENT_VARIABLE = "GANVIL_INCEPTION"
FILE_NAME = "inception-2015-12-05.pt"  # the name under which clean-fid keeps it
SHA256 = "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4"
CLEANFID_CACHE = Path("./" if os.name == "nt" else "/tmp")  # as in cleanfid.features.feature_extractor
PREPROCESSING = "RGBA on 128; clean-fid clean resize 299; (x - 128) / 128; 1"


def load_inception(device: torch.device) -> "Inception":
    """From the file that GANVIL_INCEPTION names, else clean-fid's cache, else its download (91 MB) into it.

    Raises UserError, with the way out, where the file is missing or no such network, or cannot be downloaded.
    """
    given = os.environ.get(ENVIRONMENT_VARIABLE)
    if given:
        if not Path(given).is_file():
            raise UserError(
                f"{ENVIRONMENT_VARIABLE}={given!r} is not a file: set it to clean-fid's {FILE_NAME},"
                " or choose --features randconv"
            )
        return Inception(Path(given), device)
    cached = CLEANFID_CACHE / FILE_NAME
    if not cached.is_file():
        _download(cached)
    return Inception(cached, device)


def _download(target: Path) -> None:
    """clean-fid's download, into a folder of its own, then renamed: a broken one never becomes the cache."""
    from cleanfid.downloads_helper import check_download_inception, inception_url

    with tempfile.TemporaryDirectory(dir=target.parent, prefix="ganvil-inception-") as folder:
        try:
            check_download_inception(folder)
        except OSError as error:
            raise UserError(
                f"the Inception network is not in {target} and cannot be downloaded from {inception_url}"
                f" ({error}): set {ENVIRONMENT_VARIABLE} to a copy of {FILE_NAME}, or choose --features randconv"
            ) from None
        file = Path(folder, FILE_NAME)
        if _sha256(file) != SHA256:
            raise UserError(
                f"{inception_url} gave a file with SHA-256 {_sha256(file)}, not {SHA256}: set {ENVIRONMENT_VARIABLE} to"
                f" a good {FILE_NAME}, or choose --features randconv"
            )
        file.replace(target)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Inception(PhotographNet):
    """The net. Cost on one core: some 0.2 s a picture; on a GPU the resize is the slower part."""

    name = "inception"
    num_features = 2048
    side = 299

    def __init__(self, file: Path, device: torch.device) -> None:
        """Raises UserError where the file is not clean-fid's Inception to the bit; it runs nothing of another."""
        super().__init__(device)
        found = _sha256(file)
        if found != SHA256:
            raise UserError(
                f"{str(file)!r} is not clean-fid's TorchScript Inception (its SHA-256 is {found}, not {SHA256}): delete"
                f" it to download it anew, set {ENVIRONMENT_VARIABLE} to a good {FILE_NAME}, or choose --features"
                " randconv"
            )
        network = torch.jit.load(str(file), map_location=device).eval()
        self._layers: Any = network.layers
        self.fingerprint = hashlib.sha256(PREPROCESSING.encode() + file.read_bytes()).hexdigest()

    def _features(self, resized: Tensor) -> Tensor:
        features: Tensor = self._layers.forward((resized - 128) / 128)
        return features.reshape(len(resized), self.num_features)

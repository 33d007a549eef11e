"""Do converted networks make what the originals make? Their own code beside ours, on the same latents and noise.

    python experiments/convert/compare.py --ada PATH --stylegan3 PATH --rosinality PATH

Each PATH is a checkout of stylegan2-ada-pytorch, stylegan3 (both NVlabs), stylegan2-pytorch (rosinality). For each case
the peer builds its networks with random weights (nothing left at 0), saves them by its own code and draws; we convert
the file by `python -m gan.convert`'s own functions, load the checkpoint folder and draw. Writes results.json (the peers
that were not given keep their rows there): the largest difference as a share of the largest value, for the averaged and
the trained generator, both also truncated, and for the discriminator's logits.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from torch import Tensor

from gan.checkpoint import load_generator, load_training
from gan.command_line import Parser, run_command
from gan.convert.__main__ import read_networks
from gan.convert.imported import save_imported
from gan.errors import UserError
from gan.networks.interface import Generator, Latents
from gan.version import code_version

HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-4
TRUNCATION = 0.7
CPU = torch.device("cpu")


def nvlabs_case(size: int, **changes: Any) -> dict[str, Any]:
    """A network as train.py of stylegan2-ada-pytorch builds it with --cfg=auto, changed where said."""
    auto = {"channel_base": 16384, "layers": 2, "group": 4, "clamp": 256}
    wirings = {"generator": "skip", "discriminator": "resnet"}
    return {"size": size, "classes": 0, **auto, **wirings, **changes}


NVLABS = {
    "auto 32": nvlabs_case(32),
    "auto 64, 5 classes": nvlabs_case(64, classes=5),
    "paper256 128": nvlabs_case(128, layers=8, group=8),
    "stylegan2 (config F) 64": nvlabs_case(64, channel_base=32768, layers=8),
    "cifar 32, 10 classes": nvlabs_case(32, channel_base=32768, group=32, discriminator="orig", classes=10),
    "residual generator, skip discriminator 64": nvlabs_case(64, generator="resnet", discriminator="skip"),
    "plain generator, plain discriminator 32": nvlabs_case(32, generator="orig", discriminator="orig"),
    "a clamp that bites 32": nvlabs_case(32, clamp=1.5),
    "no clamp 32": nvlabs_case(32, clamp=None),
}
ROSINALITY = {
    "zip 32": {"size": 32, "channel_base": 32768, "zip": True},
    "old stream 64": {"size": 64, "channel_base": 16384, "zip": False},
    "zip 128": {"size": 128, "channel_base": 32768, "zip": True},
}


def difference(ours: Tensor, theirs: Tensor) -> float:
    """Largest absolute difference over the largest absolute value; lower is better."""
    return float((ours - theirs).abs().max() / theirs.abs().max())


@torch.no_grad()
def compare(checkpoint: Path, drawn: Mapping[str, Tensor]) -> dict[str, float]:
    """How far our networks are from what theirs drew."""
    average, record = load_generator(checkpoint, CPU)
    training = load_training(checkpoint, CPU)
    labels = drawn["labels"] if record.class_names else None

    def picture(generator: Generator, name: str, truncation: float) -> Tensor:
        num = len(drawn["z"])
        maps = [drawn[f"{name} noise {index}"] for index in range(len(generator.noise_shapes))]
        noise = tuple(noise.expand(num, 1, *noise.shape) for noise in maps)
        images: Tensor = generator.eval()(Latents(z=drawn["z"], labels=labels, noise=noise), truncation)
        return images

    results = {}
    for name, generator in (("G_ema", average), ("G", training.generator)):
        results[name] = difference(picture(generator, name, 1.0), drawn[name])
        results[f"{name} truncated"] = difference(picture(generator, name, TRUNCATION), drawn[f"{name} truncated"])
    results["D"] = difference(training.discriminator(drawn["G_ema"], labels), drawn["D"])
    return results


def run_case(source: Path, kind: str, case: dict[str, Any]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "network"
        command = [sys.executable, str(HERE / "peer.py"), str(source), kind, json.dumps(case), str(target)]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if finished.returncode:
            raise UserError(f"the peer in {str(source)!r} failed: {finished.stderr.strip().splitlines()[-1]}")
        save_imported(read_networks(target), Path(folder) / "converted", source="peer", fingerprint="peer")
        drawn = {name: torch.from_numpy(value) for name, value in np.load(f"{target}.npz").items()}
        return compare(Path(folder) / "converted", drawn)


def main() -> int:
    parser = Parser(prog="experiments/convert/compare.py", description=__doc__ or "", epilog="")
    parser.add_argument("--ada", type=Path, help="a checkout of NVlabs/stylegan2-ada-pytorch")
    parser.add_argument("--stylegan3", type=Path, help="a checkout of NVlabs/stylegan3, in a folder of that name")
    parser.add_argument("--rosinality", type=Path, help="a checkout of rosinality/stylegan2-pytorch")
    options = parser.parse_args()

    def command() -> None:
        peers = (
            ("stylegan2-ada-pytorch", options.ada, "nvlabs", NVLABS),
            ("stylegan3", options.stylegan3, "nvlabs", NVLABS),
            ("stylegan2-pytorch", options.rosinality, "rosinality", ROSINALITY),
        )
        file = HERE / "results.json"
        results: dict[str, dict[str, float]] = json.loads(file.read_text())["differences"] if file.exists() else {}
        for peer, source, kind, cases in peers:
            for name, case in cases.items() if source else ():
                results[f"{peer}: {name}"] = found = run_case(source, kind, case)
                shown = "  ".join(f"{what} {value:.1e}" for what, value in found.items())
                print(f"{peer:22} {name:42} {shown}", flush=True)
        if not results:
            raise UserError("nothing to compare with: give --ada, --stylegan3 or --rosinality")
        worst = max(value for found in results.values() for value in found.values())
        print(f"worst {worst:.1e}, tolerance {TOLERANCE:.0e}")
        report = {"commit": code_version(), "tolerance": TOLERANCE, "worst": worst, "differences": results}
        file.write_text(json.dumps(report, indent=1) + "\n")
        if not worst < TOLERANCE:
            raise UserError(f"the worst difference {worst:.1e} is over the tolerance {TOLERANCE:.0e}")

    return run_command("experiments/convert/compare.py", command)


if __name__ == "__main__":
    raise SystemExit(main())

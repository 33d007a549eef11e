"""`python -m gan.evaluate`: how near a set of pictures comes to the real ones, in numbers and a picture."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from gan.command_line import Parser, run_command
from gan.data.dataset import PictureSet, load_pictures
from gan.data.pixels import UInt8Array, sheet
from gan.data.resolution import Resolution
from gan.device import DEVICES, choose_device
from gan.errors import UserError
from gan.metrics.evaluate import METRICS, Reference, Scores
from gan.metrics.features import FEATURE_NETS, load_feature_net
from gan.metrics.split import picture_fingerprints
from gan.sample import draw, is_model

_EPILOG = """\
examples:
  python -m gan.evaluate runs/first/checkpoints/000100000 --data icons.zip
  python -m gan.evaluate samples/ --data icons.zip
  python -m gan.evaluate samples.zip --data icons.zip --features inception --json scores.json
  python -m gan.evaluate samples/ --data icons.zip --samples 400 --sheet nearest.png

The reals are split into two halves by their content. Choose by the reference half, report the held-out half.
Numbers compare only between the same feature net, number of samples and reals.
"""

_BETTER = {
    "fid": "lower",
    "kid": "lower",
    "kid_error": "(of kid)",
    "precision": "higher",
    "recall": "higher",
    "density": "higher, to 1",
    "coverage": "higher",
    "memorised": "lower",
}
NUM_SAMPLES = 1000  # of a checkpoint, where --samples does not say
_SHEET_COLUMNS, _SHEET_ROWS = 16, 4


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m gan.evaluate", description=__doc__ or "", epilog=_EPILOG)
    parser.add_argument(
        "pictures", help="what to score: a checkpoint, an ensemble, or pictures in a folder, a zip or a URL of a zip"
    )
    parser.add_argument("--data", required=True, help="the reals: armory (built in), a folder, a zip or a URL of a zip")
    parser.add_argument("--features", default="randconv", help=f"feature net: {', '.join(FEATURE_NETS)} [randconv]")
    parser.add_argument("--resolution", help="64, or 128x96 for height x width [the reals' own]")
    parser.add_argument("--samples", type=int, help="score this many [all pictures; 1000 of a checkpoint]")
    parser.add_argument("--json", type=Path, help="write the scores to this file")
    parser.add_argument("--sheet", type=Path, help="write a PNG of pictures, each above its nearest real")
    parser.add_argument("--cache-dir", type=Path, default=Path("runs/reference"), help="[runs/reference]")
    parser.add_argument("--device", default="auto", help=f"{', '.join(DEVICES)} [auto]")
    options = parser.parse_args(arguments)

    def command() -> None:
        net = load_feature_net(options.features, choose_device(options.device))
        reals = load_pictures(options.data, Resolution.parse(options.resolution) if options.resolution else None)
        samples = sample_pictures(options.pictures, reals, options.samples, choose_device(options.device))
        reference = Reference.build(reals.images, net, cache_dir=options.cache_dir)
        raw = net(samples)
        scores = {half: reference.score(raw, half) for half in ("reference", "held_out")}
        print(table(scores["reference"], scores["held_out"], reference.training.memorised_if_fresh))
        if options.json:
            _parent(options.json).write_text(
                json.dumps([score.to_plain() for score in scores.values()], indent=1) + "\n"
            )
        if options.sheet:
            _nearest_sheet(samples, raw, reals, reference, _parent(options.sheet))

    return run_command("gan.evaluate", command)


def sample_pictures(source: str, reals: PictureSet, num: int | None, device: torch.device) -> UInt8Array:
    """The pictures to score, uint8 `[n, c, h, w]`: of a checkpoint or ensemble seeds 0 to n - 1, else all there is."""
    if not is_model(Path(source)):
        return choose_samples(load_pictures(source, reals.resolution, channels=reals.channels).images, num)
    made = draw(Path(source), range(NUM_SAMPLES if num is None else num), 1.0, None, device)
    if made.shape[1:] != reals.images.shape[1:]:
        raise UserError(
            f"{source!r} makes pictures of {made.shape[1:]} (channels, height, width), the reals are"
            f" {reals.images.shape[1:]}: score them at one size (--resolution)"
        )
    return made


def choose_samples(images: UInt8Array, num: int | None) -> UInt8Array:
    """`num` of them, the same in whatever order they were read; None: all. UserError where there are fewer."""
    if num is None:
        return images
    if not 0 < num <= len(images):
        raise UserError(f"--samples {num}: there are {len(images)} pictures to score; give a number from 1 to that")
    by_content = np.argsort(picture_fingerprints(images), kind="stable")
    return images[np.sort(by_content[:num])]


def table(reference: Scores, held_out: Scores, memorised_if_fresh: float) -> str:
    """The scores as people read them, with what they were computed from."""
    lines = [
        f"{reference.protocol}: {reference.num_samples} samples; reals: {reference.num_reals} reference,"
        f" {held_out.num_reals} held out; features {reference.features}",
        f"{'':12}{'reference':>12}{'held out':>12}   better",
    ]
    for name in METRICS:
        ours, theirs = getattr(reference, name), getattr(held_out, name)
        lines.append(f"{name:12}{ours:12.4g}{theirs:12.4g}   {_BETTER[name]}")
    lines.append(f"memorised would be {memorised_if_fresh:.3f} for fresh pictures like the reals, 1 for copies of them")
    if not (reference.enough and held_out.enough):
        lines.append("under 50 samples or reals: too few for these numbers to decide anything")
    return "\n".join(lines)


def _parent(file: Path) -> Path:
    """The same path, its folder made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _nearest_sheet(samples: UInt8Array, raw: np.ndarray, reals: PictureSet, reference: Reference, file: Path) -> None:
    """Rows of samples, under each row their nearest reals."""
    shown = samples[: _SHEET_COLUMNS * _SHEET_ROWS]
    matches = reals.images[reference.nearest_reals(raw[: len(shown)])]
    rows: list[UInt8Array] = []
    titles: list[str] = []
    for start in range(0, len(shown), _SHEET_COLUMNS):
        for title, part in (("picture", shown), ("nearest real", matches)):
            row = part[start : start + _SHEET_COLUMNS]
            rows.append(np.concatenate([row, np.zeros((_SHEET_COLUMNS - len(row), *row.shape[1:]), dtype=np.uint8)]))
            titles.append(title)
    scale = max(1, 64 // shown.shape[3])
    sheet(np.concatenate(rows), _SHEET_COLUMNS, scale=scale, row_titles=titles).save(file)


if __name__ == "__main__":
    raise SystemExit(main())

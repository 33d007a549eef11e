"""`python -m gan.evaluate`: how near a set of pictures comes to the real ones, in numbers and a picture."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import numpy as np
from PIL import Image
from tqdm import tqdm

from gan.command_line import Parser, run_command
from gan.data.archive import encode_png
from gan.data.dataset import PictureSet, load_pictures
from gan.data.resolution import Resolution
from gan.device import DEVICES, choose_device
from gan.errors import UserError
from gan.evaluation.picture import Shown, draw_picture
from gan.evaluation.pictures import NUM_SAMPLES, ToScore, pictures_to_score
from gan.evaluation.table import class_table, doubts, number_table
from gan.features.interface import FeatureNet
from gan.features.registry import FEATURE_NETS, load_feature_net
from gan.metrics.arrays import Features
from gan.metrics.ball_metrics import BallMetrics, ball_metrics, balls_of_reals
from gan.metrics.discriminant import Discriminant
from gan.metrics.evaluate import Reference
from gan.metrics.memorisation import MEMORISED_UNDER
from gan.metrics.neighbours import nearest
from gan.metrics.per_class import ClassNumbers, own_classes, shares
from gan.metrics.protocols import HALVES, PROTOCOLS, Protocol, protocol_of, unnamed
from gan.metrics.reals import places_of, reals_of
from gan.metrics.report import Report, measure
from gan.pixels import UInt8Array, sheet
from gan.sample import is_model
from gan.whole_file import written_whole


def _protocol_lines() -> str:
    """A paragraph a protocol, as --help shows them."""
    hanging = " " * 24
    return "\n".join(
        fill(one.source, 118, initial_indent=f"  {name:22}", subsequent_indent=hanging)
        for name, one in PROTOCOLS.items()
    )


_EPILOG = f"""\
examples:
  a checkpoint or an ensemble     python -m gan.evaluate runs/first/checkpoints/000100000 --data icons.zip
  anybody's pictures              python -m gan.evaluate samples.zip --data icons.zip --picture look.png
  two folders                     python -m gan.evaluate ours/ --data theirs/ --reals all
  repeatable, by name             python -m gan.evaluate run/checkpoints/000100000 --data icons.zip --protocol NAME
  for a script                    python -m gan.evaluate samples/ --data icons.zip --json scores.json

protocols (net, samples, reals, numbers):
{_protocol_lines()}

how to read it
  The reals are split into two halves by their content, near duplicates on one side. Choose by the reference half,
  report the held-out half. The gap between them (held out less reference) is noise unless one half was trained on.
  "fresh reals" is what the other half's real pictures score: no generator needs to be better.
  Intervals say how far a number would move with other pictures. Numbers in brackets come from too few pictures.
  Precision and density do not see lost classes, recall and coverage do. Recall does not see a few pictures shown over
  and over; FID, KID, coverage and Vendi do. Only memorised and authenticity see copies, all others like them.
  Numbers compare only between the same feature net, number of samples and reals.
"""

_AT_ONCE = 1024
_SHEET_COLUMNS, _SHEET_ROWS = 16, 4


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m gan.evaluate", description=__doc__ or "", epilog=_EPILOG)
    parser.add_argument(
        "pictures", help="what to score: a checkpoint, an ensemble, or pictures in a folder, a zip or a URL of a zip"
    )
    parser.add_argument("--data", required=True, help="the reals: armory (built in), a folder, a zip or a URL of a zip")
    parser.add_argument("--protocol", help="a named protocol, see below; sets --features, --samples and --reals")
    parser.add_argument("--features", help=f"feature net: {', '.join(FEATURE_NETS)} [randconv]")
    parser.add_argument("--resolution", help="64, or 128x96 for height x width [the reals' own]")
    parser.add_argument("--samples", type=int, help=f"score this many [all pictures; {NUM_SAMPLES} of a model]")
    parser.add_argument("--reals", choices=("halves", "all"), help="two halves, or all reals at once [halves]")
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    parser.add_argument(
        "--picture", type=Path, help="write a PNG: samples by their nearest reals, what is lost, classes"
    )
    parser.add_argument("--sheet", type=Path, help="write a PNG of pictures, each above its nearest real, no more")
    parser.add_argument("--cache-dir", type=Path, default=Path("runs/reference"), help="[runs/reference]")
    parser.add_argument("--device", default="auto", help=f"{', '.join(DEVICES)} [auto]")
    options = parser.parse_args(arguments)

    def command() -> None:
        protocol = _protocol(options.protocol, options.features, options.samples, options.reals)
        if options.protocol and protocol.num_samples is None and is_model(Path(options.pictures)):
            raise UserError(f"protocol {options.protocol} scores all pictures of a folder; a model has no end of them")
        device = choose_device(options.device)
        net = load_feature_net(protocol.features, device)
        reals = load_pictures(options.data, Resolution.parse(options.resolution) if options.resolution else None)
        samples = pictures_to_score(options.pictures, reals, protocol.num_samples, device)
        if options.protocol is None:
            protocol = unnamed(protocol.features, len(samples.images), protocol.sides)
        reference = Reference.build(reals.images, net, cache_dir=options.cache_dir)
        raw = _features(net, samples.images)
        evaluation = evaluate(samples, raw, reals, reference, protocol)
        print(evaluation.as_text(options.pictures, options.data))
        if options.json:
            plain = {"pictures": options.pictures, "data": options.data} | evaluation.to_plain()
            _write(options.json, json.dumps(plain, indent=1, allow_nan=False).encode() + b"\n")
        if options.picture:
            title = f"{Path(options.pictures).name or options.pictures} against {Path(options.data).name}"
            shown = picture_of(samples, raw, reals, reference, evaluation, title)
            _write(options.picture, encode_png(draw_picture(shown)))
        if options.sheet:
            _write(options.sheet, encode_png(_nearest_sheet(samples.images, raw, reals, reference)))

    return run_command("gan.evaluate", command)


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """reports: one a side of the reals. classes: the whole's numbers by class; own: of a class's samples against its
    own reals, where samples were meant to be of classes."""

    protocol: Protocol
    num_samples: int
    reports: tuple[Report, ...]
    classes: tuple[ClassNumbers, ...]
    own: tuple[ClassNumbers, ...]

    def to_plain(self) -> dict[str, object]:
        return {
            "protocol": self.protocol.name,
            "features": self.protocol.features,
            "resize": self.protocol.resize,
            "num_samples": self.num_samples,
            "seed": self.protocol.seed,
            "sides": [report.to_plain() for report in self.reports],
            "classes": [row.to_plain() for row in self.classes],
            "own_classes": [row.to_plain() for row in self.own],
        }

    def as_text(self, pictures: str, data: str) -> str:
        against = " and ".join(f"{report.num_reals} {report.reals.replace('_', ' ')}" for report in self.reports)
        parts = [
            f"{pictures}: {self.num_samples} samples against {data}: {against} reals\n"
            f"protocol {self.protocol.name}, features {self.protocol.features}",
            number_table(self.reports),
        ]
        parts += ["\n".join(doubts(self.reports))] if doubts(self.reports) else []
        parts += [class_table("class (whole set)", self.classes)] if self.classes else []
        parts += [class_table("class (its own samples)", self.own)] if self.own else []
        return "\n\n".join(parts)


def evaluate(
    samples: ToScore, raw: Features, reals: PictureSet, reference: Reference, protocol: Protocol
) -> Evaluation:
    """All that a protocol asks for, of the samples' raw features `[n, d]`."""
    standardised = reference.standardise(raw)
    num_classes = len(reals.class_names)
    reports = []
    with tqdm(desc="measuring", unit=" steps", disable=None, delay=2.0, leave=False) as bar:

        def show(step: str) -> None:
            bar.set_postfix_str(step)
            bar.update()

        for side in protocol.sides:
            compared = reals_of(reference, side, reals.labels, num_classes)
            reports.append(
                measure(
                    standardised,
                    compared,
                    features=protocol.features,
                    only=protocol.numbers,
                    seed=protocol.seed,
                    progress=show,
                )
            )
    classes: list[ClassNumbers] = []
    own: list[ClassNumbers] = []
    if num_classes > 1 and "recall" in protocol.numbers:
        labels = reals.labels[reference.order]
        every = reference.training.features
        guessed = Discriminant.fit(every, labels)(standardised) if samples.labels is None else samples.labels
        classes = shares(_balls_of_all(reference, standardised), guessed, labels, reals.class_names)
        if samples.labels is not None:
            own = own_classes(standardised, samples.labels, every, labels, reals.class_names)
    return Evaluation(
        protocol=protocol, num_samples=len(raw), reports=tuple(reports), classes=tuple(classes), own=tuple(own)
    )


def picture_of(
    samples: ToScore, raw: Features, reals: PictureSet, reference: Reference, evaluation: Evaluation, title: str
) -> Shown:
    """What the picture shows: evenly chosen samples, all reals that nobody covers, classes."""
    standardised = reference.standardise(raw)
    balls = _balls_of_all(reference, standardised)
    places = places_of(reference, "all")
    _, distance = nearest(reference.training.features, standardised)
    lost = np.flatnonzero(~balls.covered)
    lost = lost[np.argsort(-distance[lost], kind="stable")]
    spread = np.random.default_rng(0).permutation(len(raw))[:64]
    closeness = reference.training.closeness(standardised[spread])
    spread = spread[np.argsort(closeness, kind="stable")]
    numbers = evaluation.reports[-1].numbers
    told = [
        f"{name} {numbers[name].value:.3g}"
        for name in ("fid", "recall", "coverage", "memorised")
        if name in numbers and not numbers[name].distrusted
    ]
    return Shown(
        title=title,
        subtitle=f"{evaluation.protocol.name}: {len(raw)} samples, {len(places)} reals"
        + (f"; {evaluation.reports[-1].reals.replace('_', ' ')}: {', '.join(told)}" if told else ""),
        samples=samples.images[spread],
        nearest=reals.images[reference.nearest_reals(raw[spread])],
        is_copy=np.sort(closeness) < MEMORISED_UNDER,
        lost=reals.images[places[lost]],
        num_lost=len(lost),
        num_reals=len(places),
        classes=evaluation.classes,
    )


def _protocol(name: str | None, features: str | None, samples: int | None, reals: str | None) -> Protocol:
    if name is None:
        return unnamed(features or "randconv", samples, ("all",) if reals == "all" else HALVES)
    for flag, given in (("--features", features), ("--samples", samples), ("--reals", reals)):
        if given is not None:
            raise UserError(f"--protocol {name} fixes what {flag} says: give one of the two")
    return protocol_of(name)


def _balls_of_all(reference: Reference, samples: Features) -> BallMetrics:
    """Against all reals at once, both halves."""
    every = reference.training.features
    return ball_metrics(*balls_of_reals(every), samples)


def _features(net: FeatureNet, images: UInt8Array) -> Features:
    parts = range(0, len(images), _AT_ONCE)
    bar = tqdm(parts, desc=f"features {net.name}", unit=" batches", disable=None, delay=2.0, leave=False)
    return np.concatenate([net(images[start : start + _AT_ONCE]) for start in bar])


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path, replace=True) as file:
        file.write(data)


def _nearest_sheet(samples: UInt8Array, raw: Features, reals: PictureSet, reference: Reference) -> Image.Image:
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
    return sheet(np.concatenate(rows), _SHEET_COLUMNS, scale=scale, row_titles=titles)


if __name__ == "__main__":
    raise SystemExit(main())

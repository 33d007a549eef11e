"""`python -m gan.sample`: pictures from a checkpoint or an ensemble, one PNG a seed, or a contact sheet."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from gan.checkpoint import RECORD, load_generator
from gan.command_line import Parser, run_command
from gan.device import DEVICES, choose_device
from gan.ensemble.ensemble import MANIFEST, load_ensemble
from gan.errors import UserError
from gan.pixels import UInt8Array, sheet, to_pil
from gan.sampling.sample import sample

_EPILOG = """\
examples:
  python -m gan.sample runs/first/checkpoints/000100000 --sheet sheet.png
  python -m gan.sample runs/first/checkpoints/000100000 --seeds 0-999 --out pictures/
  python -m gan.sample my-ensemble/ --seeds 0-63 --truncation 0.7 --sheet calm.png

The same seed gives the same picture, always. An ensemble takes its members in turn, by weight.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m gan.sample", description=__doc__ or "", epilog=_EPILOG)
    parser.add_argument("model", type=Path, help="a checkpoint folder or an ensemble folder")
    parser.add_argument("--seeds", default="0-63", help="a seed or a range, first-last [0-63]")
    parser.add_argument("--truncation", type=float, default=1.0, help="below 1: fewer surprises, less variety [1]")
    parser.add_argument("--type", type=int, help="class number, for a conditional checkpoint [drawn by the seed]")
    parser.add_argument("--sheet", type=Path, help="write one contact sheet here")
    parser.add_argument("--out", type=Path, help="write <seed>.png files into this folder")
    parser.add_argument("--device", default="auto", help=f"{', '.join(DEVICES)} [auto]")
    options = parser.parse_args(arguments)

    def command() -> None:
        if options.sheet is None and options.out is None:
            raise UserError("say where the pictures go: --sheet FILE.png or --out FOLDER")
        seeds = parse_seeds(options.seeds)
        images = draw(options.model, seeds, options.truncation, options.type, choose_device(options.device))
        if options.sheet is not None:
            columns = max(1, round(len(seeds) ** 0.5))
            sheet(images, columns, scale=max(1, 96 // images.shape[2])).save(options.sheet)
            print(f"{len(seeds)} pictures on {options.sheet}")
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            for seed, image in tqdm(zip(seeds, images, strict=True), total=len(seeds), unit="img"):
                to_pil(image).save(options.out / f"{seed}.png")

    return run_command("gan.sample", command)


def parse_seeds(text: str) -> Sequence[int]:
    """`7` is one seed, `0-63` sixty-four of them."""
    first, dash, last = text.partition("-")
    try:
        seeds = range(int(first), int(last if dash else first) + 1)
    except ValueError:
        raise UserError(f"seeds {text!r} cannot be read: write one number, or first-last as in 0-63") from None
    if not seeds:
        raise UserError(f"seeds {text!r} are none: the last must not lie before the first")
    return seeds


def is_model(path: Path) -> bool:
    """Whether the folder is a checkpoint or an ensemble."""
    return (path / RECORD).is_file() or (path / MANIFEST).is_file()


def draw(model: Path, seeds: Sequence[int], truncation: float, label: int | None, device: torch.device) -> UInt8Array:
    """Pictures `[n, c, h, w]` of a checkpoint's averaged generator, or of an ensemble's members by weight."""
    if (model / MANIFEST).exists():
        if label is not None:
            raise UserError(
                "--type is for a conditional checkpoint; members of an ensemble number classes each by itself"
            )
        return load_ensemble(model, device=device).draw_mixed(seeds, truncation=truncation)
    generator, record = load_generator(model, device)
    num_classes = len(record.class_names)
    if label is not None and not 0 <= label < num_classes:
        classes = f"0 to {num_classes - 1}: {', '.join(record.class_names)}" if num_classes else "none, leave it out"
        raise UserError(f"type {label} is unknown to this checkpoint: it has {classes}")
    return sample(
        generator,
        seeds,
        truncation=truncation,
        class_counts=record.class_counts,
        labels=None if label is None else [label] * len(seeds),
    )


if __name__ == "__main__":
    raise SystemExit(main())

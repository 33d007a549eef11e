"""`python -m gan.train`: one training run on this machine, without Ray or MLflow."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from gan.begin import begin
from gan.checkpoint import RECORD, load_record, load_training, save_checkpoint
from gan.command_line import Parser, run_command
from gan.data.dataset import PictureSet, load_pictures
from gan.data.pixels import sheet
from gan.data.resolution import Resolution
from gan.device import DEVICES, choose_device
from gan.errors import UserError
from gan.loop import train
from gan.networks.interface import check_resolution
from gan.recipes import RECIPES, recipe_named
from gan.sampling.sample import sample
from gan.training import Training

_EPILOG = """\
examples:
  python -m gan.train --out runs/first
  python -m gan.train --data icons.zip --resolution 64 --recipe stylegan2 --kimg 500 --out runs/icons
  python -m gan.train --data icons.zip --resolution 64 --out runs/icons --resume

In --out: checkpoints/<images seen>/ (resumable) and samples/<images seen>.png, the same 64 seeds each time.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m gan.train", description=__doc__ or "", epilog=_EPILOG)
    parser.add_argument(
        "--data", default="armory", help="armory (built in), a folder, a zip or a URL of a zip [armory]"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder for checkpoints and samples")
    parser.add_argument("--recipe", default="dcgan", help=f"settings to start from: {', '.join(RECIPES)} [dcgan]")
    parser.add_argument("--resolution", help="64, or 128x96 for height x width [the pictures' own]")
    parser.add_argument("--fit", choices=("letterbox", "crop"), help="pad other shapes, or cut them [letterbox]")
    parser.add_argument("--conditional", action="store_true", help="teach the networks the classes")
    parser.add_argument("--kimg", type=float, help="thousands of pictures to show [the recipe's]")
    parser.add_argument("--tick", type=float, help="thousands of pictures between checkpoints [the recipe's]")
    parser.add_argument("--batch", type=int, help="pictures a step [the recipe's]")
    parser.add_argument("--microbatch", type=int, help="pictures at once, where memory is short [the whole batch]")
    parser.add_argument("--lr", type=float, help="the generator's learning rate [the recipe's]")
    parser.add_argument("--gamma", type=float, help="R1 gamma [0.0002 x pixels / batch]")
    parser.add_argument("--augment", help="none, ada, fixed or diffaugment [the recipe's]")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and latents [0]")
    parser.add_argument("--device", default="auto", help=f"{', '.join(DEVICES)} [auto]")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the newest checkpoint in --out, with its settings (--kimg may be more)",
    )
    options = parser.parse_args(arguments)

    def command() -> None:
        device = choose_device(options.device)
        size = Resolution.parse(options.resolution) if options.resolution else None
        if size is not None:
            check_resolution(size.height, size.width)
        config = recipe_named(options.recipe)
        config = dataclasses.replace(
            config,
            data=_given(config.data, source=options.data, conditional=options.conditional, fit=options.fit),
            optimiser=_given(
                config.optimiser,
                batch_size=options.batch,
                microbatch=options.microbatch,
                generator_lr=options.lr,
            ),
            regulariser=_given(config.regulariser, r1_gamma=options.gamma),
            augment=_given(config.augment, policy=options.augment),
            schedule=_given(config.schedule, total_kimg=options.kimg, tick_kimg=options.tick),
            seed=options.seed,
        )
        newest = _newest(options.out / "checkpoints")
        if newest is not None and not options.resume:
            raise UserError(f"{str(options.out)!r} already holds a run: give --resume to go on, or another --out")
        pictures = load_pictures(options.data, size, fit=config.data.fit)
        for skipped in pictures.skipped:
            tqdm.write(f"skipped {skipped.name}: {skipped.reason}")
        training = begin(config, pictures, device) if newest is None else _go_on(newest, pictures, device)
        if options.kimg is not None:  # a run that goes on may go on for longer
            schedule = dataclasses.replace(training.config.schedule, total_kimg=options.kimg)
            training.config = dataclasses.replace(training.config, schedule=schedule)
        _run(training, pictures, options.out)

    return run_command("gan.train", command)


def _given(part: Any, **values: object) -> Any:
    """The part with those values that were given on the command line."""
    return dataclasses.replace(part, **{k: v for k, v in values.items() if v is not None})


def _go_on(checkpoint: Path, pictures: PictureSet, device: torch.device) -> Training:
    """The run of that checkpoint; UserError where it was trained on other pictures."""
    seen = load_record(checkpoint).data_fingerprint
    if seen != pictures.fingerprint:
        raise UserError(
            f"{str(checkpoint)!r} was trained on other pictures than these (fingerprint {seen}, these"
            f" {pictures.fingerprint}): give the --data and --resolution of its run, or another --out"
        )
    return load_training(checkpoint, device)


def _newest(checkpoints: Path) -> Path | None:
    found = sorted(folder for folder in checkpoints.glob("[0-9]*") if (folder / RECORD).exists())
    return found[-1] if found else None


def _run(training: Training, pictures: PictureSet, out: Path) -> None:
    seeds = range(64)
    total = int(training.config.schedule.total_kimg * 1000)
    (out / "samples").mkdir(parents=True, exist_ok=True)
    sheet(pictures.images[:64], 8, scale=2).save(out / "reals.png")
    class_counts = [1] * training.shape.num_classes
    with tqdm(total=total, initial=training.images_seen, unit="img", unit_scale=True) as bar:
        for tick in train(training, pictures):
            bar.update(tick.images_seen - bar.n)
            bar.set_postfix(D=f"{tick.loss_discriminator:.2f}", G=f"{tick.loss_generator:.2f}", p=f"{tick.ada_p:.2f}")
            name = f"{tick.images_seen:09d}"
            sheet(sample(training.average, seeds, class_counts=class_counts), 8, scale=2).save(
                out / "samples" / f"{name}.png"
            )
            save_checkpoint(out / "checkpoints" / name, training, pictures)


if __name__ == "__main__":
    raise SystemExit(main())

"""`python -m gan.train`: one training run on this machine, without Ray or MLflow."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from tqdm import tqdm

from gan.begin import begin
from gan.checkpoint import RECORD, load_record, load_training, save_checkpoint
from gan.command_line import Parser, run_command
from gan.config import flatten, with_values
from gan.data.dataset import Fit, PictureSet, load_pictures
from gan.data.resolution import Resolution
from gan.device import DEVICES, choose_device
from gan.errors import UserError
from gan.loop import train
from gan.networks.interface import check_resolution
from gan.parallel import World, join_world, leave_world
from gan.pixels import sheet
from gan.recipe_file import recipe_from
from gan.recipes import RECIPES
from gan.sampling.sample import sample
from gan.training import Training

_EPILOG = """\
examples:
  python -m gan.train --out runs/first
  python -m gan.train --data icons.zip --resolution 64 --recipe stylegan2 --kimg 500 --out runs/icons
  python -m gan.train --data icons.zip --resolution 64 --out runs/icons --resume

  python -m gan.train --set loss.kind=hinge --set optimiser.gradient_clip=1 --out runs/hinge
  python -m gan.train --data mine.zip --start-from runs/icons/checkpoints/000500000 --out runs/mine
  torchrun --nproc-per-node 2 -m gan.train --data icons.zip --out runs/icons     (a GPU for each process)

--set reaches every setting of a run; `--show` prints them all and stops.
In --out: checkpoints/<images seen>/ (resumable) and samples/<images seen>.png, the same 64 seeds each time.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m gan.train", description=__doc__ or "", epilog=_EPILOG)
    parser.add_argument(
        "--data", default="armory", help="armory (built in), a folder, a zip or a URL of a zip [armory]"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder for checkpoints and samples")
    parser.add_argument(
        "--recipe",
        default="dcgan",
        help=f"settings to start from: {', '.join(RECIPES)}, or a file that a search wrote [dcgan]",
    )
    parser.add_argument("--resolution", help="64, or 128x96 for height x width [the pictures' own]")
    parser.add_argument("--fit", choices=get_args(Fit), help="what to do with other shapes [letterbox]")
    parser.add_argument("--conditional", action="store_true", default=None, help="teach the networks the classes")
    parser.add_argument("--kimg", type=float, help="thousands of pictures to show [the recipe's]")
    parser.add_argument("--tick", type=float, help="thousands of pictures between checkpoints [the recipe's]")
    parser.add_argument("--batch", type=int, help="pictures a step [the recipe's]")
    parser.add_argument("--microbatch", type=int, help="pictures at once, where memory is short [the whole batch]")
    parser.add_argument("--lr", type=float, help="the generator's learning rate [the recipe's]")
    parser.add_argument("--gamma", type=float, help="R1 gamma [0.0002 x pixels / batch]")
    parser.add_argument("--augment", help="none, ada, fixed or diffaugment [the recipe's]")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="any setting, by its name")
    parser.add_argument("--show", action="store_true", help="print the run's settings and stop")
    parser.add_argument("--start-from", metavar="CHECKPOINT", help="take over a checkpoint's weights where they fit")
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
        config = recipe_from(options.recipe)
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
            transfer=_given(config.transfer, start_from=options.start_from),
            seed=options.seed,
        )
        config = with_values(config, _assignments(options.set))
        if options.show:
            print("\n".join(f"{name}={'null' if value is None else value}" for name, value in flatten(config).items()))
            return
        world, device = join_world(device)
        newest = _newest(options.out / "checkpoints")
        if newest is not None and not options.resume:
            raise UserError(f"{str(options.out)!r} already holds a run: give --resume to go on, or another --out")
        pictures = load_pictures(options.data, size, fit=config.data.fit)
        training = begin(config, pictures, device) if newest is None else _go_on(newest, pictures, device)
        if world.leads:
            for skipped in pictures.skipped:
                tqdm.write(f"skipped {skipped.name}: {skipped.reason}")
            for network, taken in training.taken_over.items():
                tqdm.write(f"{network}: {taken}")
        if options.kimg is not None:  # a run that goes on may go on for longer
            schedule = dataclasses.replace(training.config.schedule, total_kimg=options.kimg)
            training.config = dataclasses.replace(training.config, schedule=schedule)
        _run(training, pictures, options.out, world)
        leave_world()

    return run_command("gan.train", command)


def _given(part: Any, **values: object) -> Any:
    """The part with those values that were given on the command line."""
    return dataclasses.replace(part, **{k: v for k, v in values.items() if v is not None})


def _assignments(texts: Sequence[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise UserError(f"--set {text!r} cannot be read: write FIELD=VALUE, such as optimiser.gradient_clip=1")
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


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


def _run(training: Training, pictures: PictureSet, out: Path, world: World) -> None:
    seeds = range(64)
    total = int(training.config.schedule.total_kimg * 1000)
    (out / "samples").mkdir(parents=True, exist_ok=True)
    if world.leads:
        sheet(pictures.images[:64], 8, scale=2).save(out / "reals.png")
    class_counts = [1] * training.shape.num_classes
    num_returns = training.num_returns
    with tqdm(total=total, initial=training.images_seen, unit="img", unit_scale=True, disable=not world.leads) as bar:
        for tick in train(training, pictures, world):
            if not tick.finite:
                raise UserError(
                    f"the run came apart {tick.num_returns + 1} times by image {tick.images_seen}, at ever lower rates:"
                    " begin anew with a lower --lr, a higher --gamma or optimiser.gradient_clip"
                )
            if not world.leads:
                continue
            if tick.num_returns > num_returns:
                num_returns = tick.num_returns
                rate = training.config.guard.slow_down**num_returns
                tqdm.write(
                    f"came apart before image {tick.images_seen}: went back a tick, rates now {rate:g} of theirs"
                )
            bar.update(tick.images_seen - bar.n)
            bar.set_postfix(D=f"{tick.loss_discriminator:.2f}", G=f"{tick.loss_generator:.2f}", p=f"{tick.ada_p:.2f}")
            name = f"{tick.images_seen:09d}"
            sheet(sample(training.average, seeds, class_counts=class_counts), 8, scale=2).save(
                out / "samples" / f"{name}.png"
            )
            save_checkpoint(out / "checkpoints" / name, training, pictures)


if __name__ == "__main__":
    raise SystemExit(main())

"""`python -m gan.networks`: the networks and presets; with a name, its layers, parameters and multiply-adds.

Nothing is trained or downloaded, and no memory is taken: the networks are built of shapes alone.
"""

from collections.abc import Iterator, Sequence

from gan.command_line import Parser, run_command
from gan.data.resolution import Resolution
from gan.errors import UserError
from gan.networks.describe import Description, Part, TrainingCost, describe, parameters_of, training_cost
from gan.networks.interface import PictureShape
from gan.networks.presets import PRESETS, preset_named
from gan.networks.registry import NETWORKS

_EPILOG = """\
examples:
  python -m gan.networks
  python -m gan.networks stylegan2-f --resolution 64
  python -m gan.networks r3gan --resolution 128x96 --channels 3 --classes 10

Sizes are height x width x channels. A multiply-add is two FLOP. Counted are convolutions and matrix products, as torch
counts them; a convolution at the border counts as one inside.
"""

_MILLION = 1e6
_GIGA = 1e9


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m gan.networks", description=__doc__ or "", epilog=_EPILOG)
    parser.add_argument("name", nargs="?", help="a preset [list them all]")
    parser.add_argument("--resolution", default="64", help="64, or 128x96 for height x width [64]")
    parser.add_argument("--channels", type=int, default=4, help="1 grey, 3 RGB, 4 RGBA [4]")
    parser.add_argument("--classes", type=int, default=0, help="classes to condition on [0: none]")
    options = parser.parse_args(arguments)

    def command() -> None:
        if options.classes < 0:
            raise UserError(f"--classes {options.classes} must be 0 (none) or more")
        size = Resolution.parse(options.resolution)
        shape = PictureShape(
            channels=options.channels, height=size.height, width=size.width, num_classes=options.classes
        )
        lines = overview(shape) if options.name is None else report(options.name, shape)
        print("\n".join(lines))

    return run_command("gan.networks", command)


def overview(shape: PictureShape) -> Iterator[str]:
    """Every preset with its weight, a line each."""
    yield f"networks: {', '.join(NETWORKS)}"
    yield ""
    yield f"{'':23}millions of parameters"
    yield f"{'preset':21}{'generator':>11}{'discriminator':>15}  whose"
    for name, preset in PRESETS.items():
        generator, discriminator = (number / _MILLION for number in parameters_of(preset.config, shape))
        yield f"{name:21}{generator:>11.2f}{discriminator:>15.2f}  {preset.origin}"
    yield ""
    yield f"for {in_words(shape)} (see --help); a name shows its layers"


def report(name: str, shape: PictureShape) -> Iterator[str]:
    """The layers of both networks of a preset, and what a picture costs."""
    config = preset_named(name)
    description = describe(config, shape)
    yield f"{name}: {description.network} for {in_words(shape)}"
    yield from _part_table("generator", description.generator)
    yield from _part_table("discriminator", description.discriminator)
    yield from _costs(description, training_cost(config, shape))


def in_words(shape: PictureShape) -> str:
    """The pictures, as height x width x channels, and their classes."""
    return f"pictures of {shape.height}x{shape.width}x{shape.channels}, classes: {shape.num_classes or 'none'}"


def _part_table(title: str, part: Part) -> Iterator[str]:
    yield ""
    yield _row(title, "kind", "output", "parameters", "multiply-adds")
    for layer in part.layers:
        yield _row(
            layer.name, layer.kind, _size(layer.output), _number(layer.num_parameters), _number(layer.multiply_adds)
        )
    yield _row("total", "", "", _number(part.num_parameters), _number(part.multiply_adds))


def _row(name: str, kind: str, output: str, parameters: str, multiply_adds: str) -> str:
    return f"{name:32}{kind:23}{output:>13}{parameters:>14}{multiply_adds:>18}".rstrip()


def _size(output: tuple[int, ...]) -> str:
    """`[c, h, w]` as height x width x channels, as everywhere in our commands."""
    if len(output) == 3:
        channels, height, width = output
        return f"{height}x{width}x{channels}"
    return "x".join(str(side) for side in output)


def _number(count: int) -> str:
    return f"{count:,}" if count else "-"


def _costs(description: Description, training: TrainingCost) -> Iterator[str]:
    rows = [
        ("generator, a picture", description.generator.multiply_adds),
        ("discriminator, a picture", description.discriminator.multiply_adds),
        ("training step without penalties, a picture", training.step),
        ("R1 or R2 where a step has it, a picture", training.penalty),
    ]
    if training.path_length is not None:
        rows.append(("path length where a step has it, a latent", training.path_length))
    yield ""
    yield f"{'cost':55}{'multiply-adds':>27}{'GFLOP':>18}"
    for name, multiply_adds in rows:
        yield f"{name:55}{multiply_adds:>27,}{2 * multiply_adds / _GIGA:>18,.3f}"


if __name__ == "__main__":
    raise SystemExit(main())

"""`python -m gan.convert`: published StyleGAN2 weights into a checkpoint folder, without running what is in them.

Reads .pkl of NVlabs' stylegan2-ada-pytorch and stylegan3 repositories (their StyleGAN2 networks) and .pt of
rosinality's stylegan2-pytorch. Such files are programs; this command reads them as data, and refuses by name
whatever is not a tensor or a plain container.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gan.command_line import Parser, run_command
from gan.convert.imported import Imported, save_imported
from gan.convert.nvlabs import read_nvlabs
from gan.convert.rosinality import read_rosinality
from gan.convert.streams import read_file
from gan.errors import UserError
from gan.networks.interface import num_parameters
from gan.networks.registry import build_generator

_EPILOG = """\
examples:
  python -m gan.convert network-snapshot-002400.pkl --out runs/imported
  python -m gan.convert 550000.pt --out runs/faces
  python -m gan.convert conditional.pkl --out runs/weapons --classes axe bow sword
  python -m gan.sample runs/imported --sheet sheet.png

The pictures are the original's for the same latents and noise. The original draws a picture with one fixed noise map
(its noise_mode "const") or with fresh noise; here the picture's seed draws the noise.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m gan.convert", description=__doc__ or "", epilog=_EPILOG)
    parser.add_argument("source", type=Path, help="a .pkl or .pt file")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint folder to make; must not exist")
    parser.add_argument("--classes", nargs="+", default=[], metavar="NAME", help="class names [class0 class1 ...]")
    options = parser.parse_args(arguments)

    def command() -> None:
        if options.out.exists():
            raise UserError(f"{str(options.out)!r} exists: name a new folder")
        imported = read_networks(options.source)
        with options.source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        save_imported(
            imported,
            options.out,
            source=f"imported from {options.source.name}",
            fingerprint=f"imported-{digest}",
            class_names=options.classes,
        )
        print(f"{describe(imported)} in {options.out}")
        for remark in imported.remarks:
            print(f"note: {remark}")

    return run_command("gan.convert", command)


def read_networks(source: Path) -> Imported:
    """The networks in a file of either kind, told apart by what it holds. UserError names what is refused."""
    root: Any = read_file(source)
    readers = {"G_ema": read_nvlabs, "g_ema": read_rosinality}
    for key, reader in readers.items():
        if type(root) is dict and key in root:
            try:
                return reader(root)
            except UserError as error:
                raise UserError(f"{source.name!r}: {error}") from None
    raise UserError(
        f"{source.name!r} holds neither G_ema (NVlabs' stylegan2-ada-pytorch, stylegan3) nor g_ema (rosinality's"
        " stylegan2-pytorch): no other files can be converted"
    )


def describe(imported: Imported) -> str:
    """One line: the size, the wirings, the parameters, what came along."""
    shape, config = imported.shape, imported.config
    classes = f", {shape.num_classes} classes" if shape.num_classes else ""
    parameters = num_parameters(build_generator(config, shape))
    judged = "" if imported.discriminator is None else f" and a {config.discriminator} discriminator"
    return (
        f"StyleGAN2 {shape.height}x{shape.width}, {shape.channels} channels{classes}: a {config.generator} generator of"
        f" {parameters:,} parameters{judged}"
    )


if __name__ == "__main__":
    raise SystemExit(main())

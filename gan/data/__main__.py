"""`python -m gan.data COMMAND`: pictures brought in, looked over, made into sets."""

import importlib
import sys
from collections.abc import Sequence

from gan.command_line import Parser, run_command

# Each module has NAME, HELP, add_arguments(parser) and run(options), and is imported only when it is called.
COMMANDS = {
    "import": "gan.data.commands.importing",
    "info": "gan.data.commands.info",
    "clean": "gan.data.commands.clean",
    "labels": "gan.data.commands.labels",
    "fetch": "gan.data.commands.fetch",
}

_EPILOG = """\
examples:
  python -m gan.data info icons/ --resolution 64 --sheet icons.png    what is in a source, and what to do about it
  python -m gan.data import icons/ --out icons.zip --resolution 64    make a set of it
  python -m gan.data clean icons.zip --out clean.zip --report report.html    without duplicates and broken files
  python -m gan.data import --help                                    each command has its own help

SOURCE is a folder (subfolders are classes), a zip, a URL of a zip, or armory (built in).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] not in COMMANDS:
        return _no_command(words)
    name = words[0]
    command = importlib.import_module(COMMANDS[name])
    parser = Parser(prog=f"python -m gan.data {name}", description=command.HELP, epilog="")
    command.add_arguments(parser)
    options = parser.parse_args(words[1:])
    return run_command(f"gan.data {name}", lambda: command.run(options))


def _no_command(words: Sequence[str]) -> int:
    """--help, or one line on what is wrong."""
    helps = {name: importlib.import_module(module).HELP for name, module in COMMANDS.items()}
    listed = "\n".join(f"  {name:<8} {text}" for name, text in helps.items())
    about = f"Pictures brought in, looked over, made into sets.\n\ncommands:\n{listed}"
    parser = Parser(prog="python -m gan.data", description=about, epilog=_EPILOG)
    parser.usage = "python -m gan.data COMMAND [SOURCE …] [--help]"
    if not words or words[0] in ("-h", "--help"):
        parser.parse_args(["--help"])
    parser.error(f"{words[0]!r} is no command: say {', '.join(COMMANDS)}; to look into a source, info {words[0]}")


if __name__ == "__main__":
    raise SystemExit(main())

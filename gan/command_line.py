"""What all commands share: one clear line and exit code 2 for the user's error."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from gan.errors import UserError


class Parser(argparse.ArgumentParser):
    """An argument parser whose help keeps the layout of its texts and shows defaults."""

    def __init__(self, *, prog: str, description: str, epilog: str) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """One line, without the usage."""
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


def run_command(name: str, command: Callable[[], None]) -> int:
    """Run it; 0, or 2 after one line on stderr for a UserError or a file out of reach, or 130 after Ctrl-C."""
    try:
        command()
    except UserError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.filename is None:  # not about a file that somebody named
            raise
        print(f"{name}: {str(error.filename)!r}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: stopped", file=sys.stderr)
        return 130
    return 0

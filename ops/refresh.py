"""Choose an ensemble from the checkpoints of one or more searches, and make it live if it beats the one that is.

Chooses on one half of the real pictures and reports on the other. A challenger is promoted when its held-out FID is
lower than the live ensemble's by more than two standard errors, and its recall not lower by more than two; the first
ensemble always. The live ensemble's members may be chosen again, whatever search they are from. The same candidates
give the same ensemble, which is never registered twice; where no trial has finished since the last refresh, nothing
is read.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

if __name__ == "__main__":  # `python ops/refresh.py` puts ops/ first on the path, where the packages are not
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from gan.command_line import Parser, run_command
from gan.features.registry import FEATURE_NETS

_EPILOG = """\
examples:
  python ops/refresh.py --search first
  python ops/refresh.py --search 'nightly-*' --size 6 --serve http://127.0.0.1:8000
  python ops/refresh.py --rollback --serve http://127.0.0.1:8000

exit codes:
  0  promoted, or nothing better (the last line says which)
  2  your input: one line says what and how to mend it
  3  the service did not take the version; the one before is live again
  4  another refresh of this model is running

Environment: GANVIL_TRACKING_URI, GANVIL_ADMIN_TOKEN (the service's token).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python ops/refresh.py", description=__doc__ or "", epilog=_EPILOG)
    parser.add_argument("--search", nargs="+", metavar="NAME", help="searches to choose from, or patterns: 'nightly-*'")
    parser.add_argument("--model", default="weapons", help="registered model [weapons]")
    parser.add_argument("--size", type=int, default=8, help="most members; each is held by the service [8]")
    parser.add_argument(
        "--truncations",
        nargs="+",
        type=float,
        default=[1.1, 1.2],
        metavar="T",
        help="try the chosen at these truncations too (1: none); over 1 is more variety, under 1 less [1.1 1.2]",
    )
    parser.add_argument(
        "--polish",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="keep this share of what each member draws, the most real: fewer odd pictures, less variety [1: all]",
    )
    parser.add_argument("--features", default="randconv", help=f"feature net: {', '.join(FEATURE_NETS)} [randconv]")
    parser.add_argument("--data", metavar="SOURCE", help="the real pictures [the search's own]")
    parser.add_argument("--tracking-uri", metavar="URI", help="MLflow [GANVIL_TRACKING_URI, else runs/mlflow.db]")
    parser.add_argument("--serve", metavar="URL", help="the service to tell, e.g. http://127.0.0.1:8000 [none]")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report page there too, as HTML [none]")
    parser.add_argument("--dry-run", action="store_true", help="choose, compare and report; change nothing")
    parser.add_argument("--force", action="store_true", help="promote whether better or not")
    parser.add_argument("--rollback", action="store_true", help="make the version before the live one live again")
    options = parser.parse_args(arguments)
    if options.rollback == bool(options.search):
        parser.error("give --search NAME to refresh, or --rollback alone")
    code = 0

    def command() -> None:
        nonlocal code
        code = _run(options)

    return run_command("refresh", command) or code


def _run(options: argparse.Namespace) -> int:
    """The command, imports after the arguments: MLflow and torch take seconds."""
    from ops.candidates import CandidateStore
    from ops.course import Wishes, refresh
    from ops.lock import AlreadyRunning, refresh_lock
    from ops.promotion import roll_back
    from ops.registry import Registry
    from ops.service import ServiceError
    from ops.tracking_server import connect, working_folder
    from search.records.tracking import tracking_uri

    uri = tracking_uri(options.tracking_uri)
    client = connect(uri)
    registry = Registry(client, uri, options.model)
    try:
        with refresh_lock(working_folder(uri), options.model, uri):
            if not options.rollback:
                wishes = Wishes(**{field.name: getattr(options, field.name) for field in fields(Wishes)})
                store = CandidateStore(client, uri, working_folder(uri) / "candidates")
                refresh(wishes, store, registry, cache=working_folder(uri) / "cache", say=_say)
            elif options.dry_run:
                _say(f"dry run: {registry.aliases()}")
            else:
                _say(f"version {roll_back(registry, options.serve, _say)} of {options.model} is live again")
    except AlreadyRunning as error:
        print(f"refresh: {error}", file=sys.stderr)
        return 4
    except ServiceError as error:
        print(f"refresh: the service did not take it: {error}", file=sys.stderr)
        return 3
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())

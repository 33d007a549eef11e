"""Choose an ensemble from the checkpoints of one or more searches, and make it live if it beats the one that is.

Chooses on one half of the real pictures and reports on the other. A challenger is promoted when its held-out FID is
lower than the live ensemble's by more than two standard errors, and its recall not lower by more than two; the first
ensemble always. The same candidates give the same ensemble, which is never registered twice.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":  # `python ops/refresh.py` puts ops/ first on the path, where the packages are not
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from gan.command_line import Parser, run_command
from gan.errors import UserError
from gan.features.registry import FEATURE_NETS

if TYPE_CHECKING:
    from ops.candidates import CandidateStore
    from ops.proposal import Proposal
    from ops.registry import Registry

FEWEST_KEPT = 0.1  # ten pictures drawn for one
WIDEST = 2.0  # beyond it latents are all but all outside what training has seen

_EPILOG = """\
examples:
  python ops/refresh.py --search first
  python ops/refresh.py --search first second --size 6 --serve http://127.0.0.1:8000
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
    parser.add_argument("--search", nargs="+", metavar="NAME", help="searches (MLflow experiments) to choose from")
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
            if options.rollback:
                if options.dry_run:
                    _say(f"dry run: {registry.aliases()}")
                else:
                    _say(f"version {roll_back(registry, options.serve, _say)} of {options.model} is live again")
            else:
                from ops.candidates import CandidateStore

                store = CandidateStore(client, uri, working_folder(uri) / "candidates")
                _refresh(options, store, registry, working_folder(uri) / "cache")
    except AlreadyRunning as error:
        print(f"refresh: {error}", file=sys.stderr)
        return 4
    except ServiceError as error:
        print(f"refresh: the service did not take it: {error}", file=sys.stderr)
        return 3
    return 0


def _refresh(options: argparse.Namespace, store: "CandidateStore", registry: "Registry", cache: Path) -> None:
    from gan.ensemble.ensemble import load_ensemble, read_manifest
    from gan.whole_file import refuse_to_overwrite, write_whole
    from ops.choice_table import print_choices
    from ops.contest import contest
    from ops.picture_sheet import draw_sheet
    from ops.promotion import promote
    from ops.registry import FINGERPRINT, ROLLED_BACK
    from ops.report_page import report_page

    if options.size < 1:
        raise UserError(f"--size {options.size}: an ensemble needs 1 member or more")
    if not all(0.0 < truncation <= WIDEST for truncation in options.truncations):
        raise UserError(f"--truncations {options.truncations}: each must be over 0 and at most {WIDEST:g}")
    if not FEWEST_KEPT <= options.polish <= 1.0:
        raise UserError(f"--polish {options.polish}: the share that is kept, from {FEWEST_KEPT:g} to 1 (all)")
    if options.report:
        refuse_to_overwrite(options.report, replace=True)
    live_version = registry.aliases().live
    live = registry.version(live_version) if live_version else None
    proposal = _proposal(options, store, cache)
    pool = proposal.pool
    print_choices(proposal)
    with tempfile.TemporaryDirectory(prefix="ganvil-refresh-") as scratch:
        folder = Path(scratch) / "ensemble"
        proposal.write(folder, store)
        fingerprint = str(read_manifest(folder)["fingerprint"])
        if live is not None and live.tags.get(FINGERPRINT) == fingerprint:
            _say(f"nothing new: version {live.version} of {options.model}, which is live, has these very members")
            return
        known = registry.with_fingerprint(fingerprint)
        if known is not None and ROLLED_BACK in known.tags and not options.force:
            _say(
                f"not promoted: version {known.version} has these very members and was rolled back (--force overrides)"
            )
            return
        if live is not None and not options.force:
            result = contest(registry, live, proposal)
            _say(f"against version {live.version}, which is live: {result}")
            if not result.won:
                _say(f"nothing better: version {live.version} of {options.model} stays live")
                return
        ensemble = load_ensemble(folder)  # refuses broken members before anyone is told of them
        page = report_page(proposal, ensemble, store)
        if options.report:
            write_whole(options.report, page.encode())
            _say(f"the report is in {options.report}")
        if options.dry_run:
            _say(f"dry run: ensemble {fingerprint} would be promoted; nothing was changed")
            return
        if known is not None:
            version = str(known.version)
        else:
            version = registry.register(
                folder,
                experiment_id=pool.searches[0].experiment_id,
                fingerprint=fingerprint,
                picture=pool.picture,
                features={pool.net.name: proposal.features},
                sheet=draw_sheet(ensemble, pool.pictures.images),
                page=page,
                report=proposal.report(),
                metrics=proposal.metrics(),
            )
            _say(f"registered version {version} of {options.model}")
        promote(registry, version, options.serve, _say)
        registry.set_rolled_back(version, rolled_back=False)
        _say(f"promoted: version {version} of {options.model} is live")


def _proposal(options: argparse.Namespace, store: "CandidateStore", cache: Path) -> "Proposal":
    """Chosen from the candidates, then again with the chosen at other truncations beside them; then polished."""
    from ops.polishing import polished
    from ops.pool import gather, with_truncations
    from ops.proposal import propose, propose_again

    pool = gather(store, options.search, features=options.features, data=options.data, cache=cache, say=_say)
    _say(f"choosing from {len(pool.allowed)} candidates on {len(pool.reference.reference)} reference reals")
    proposal = propose(pool, size=options.size)
    truncations = sorted({truncation for truncation in options.truncations if truncation != 1.0})
    if truncations:
        wider = with_truncations(pool, store, proposal.choices["ensemble"].members, truncations, _say)
        proposal = propose_again(wider, proposal, size=options.size)
    return polished(proposal, store, options.polish, _say) if options.polish < 1.0 else proposal


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())

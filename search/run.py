"""Search for the settings of a GAN that collapse least on your pictures, and keep every good checkpoint."""

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
# `python search/run.py` puts search/ first on the path: the root belongs there.
sys.path[:] = [str(_HERE.parent), *(entry for entry in sys.path if Path(entry or ".").resolve() != _HERE)]

import argparse  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from typing import get_args  # noqa: E402

from rich.console import Console  # noqa: E402

from gan.command_line import Parser, run_command  # noqa: E402
from gan.config import picture_shape, resolve  # noqa: E402
from gan.data.dataset import Fit, PictureSet, load_pictures  # noqa: E402
from gan.data.resolution import Resolution  # noqa: E402
from gan.errors import UserError  # noqa: E402
from gan.features.registry import FEATURE_NETS  # noqa: E402
from gan.networks.interface import check_resolution  # noqa: E402
from gan.networks.registry import NETWORKS  # noqa: E402
from gan.recipes import RECIPES  # noqa: E402
from search.judging.collapse import OnCollapse  # noqa: E402
from search.judging.objectives import OBJECTIVES  # noqa: E402
from search.options import (  # noqa: E402
    FIT,
    absolute_source,
    continued_plan,
    feature_net,
    gpus_wish,
    new_plan,
    places,
    search_name,
)
from search.plan import Plan, check_same_pictures, choose_recipes, stored_plan  # noqa: E402
from search.proposing.algorithms import ALGORITHMS  # noqa: E402
from search.records.tracking import be_quick, demand_answer  # noqa: E402
from search.storage.folder import SearchFolder  # noqa: E402

_EPILOG = f"""\
SOURCE is a folder of pictures (subfolders are classes), a zip of one, a URL of such a zip, or armory (built in).

examples:
  python search/run.py --data armory
      a search on the built-in weapons, with the defaults below
  python search/run.py --data ~/icons --resolution 64 --trials 24 --kimg 300
      your own folder: 24 trials, each trained on 300,000 pictures shown
  python search/run.py --data ~/icons --resolution 64 --trials 24 --kimg 300 --dry-run
      what that would do, without doing it
  python search/run.py --data ~/icons --vary loss.packing=1,2 --vary regulariser.r2_gamma=0.01..10:log
      with two more settings to choose; python -m gan.train --show lists them all, NETWORK:FIELD is for one network
  python search/run.py --name icons --resume
      go on with the search of that name after Ctrl-C, a crash or kill -9
  python search/run.py --name icons --resume --trials 48
      and with more trials than it had
  ray job submit --working-dir . -- python search/run.py --data s3://bucket/icons.zip --name icons \\
      --storage s3://bucket/ganvil --tracking-uri http://mlflow:5000
      the same on a Ray cluster

Afterwards: mlflow ui shows every trial; python ops/refresh.py --search NAME makes the ensemble.
networks: {", ".join(NETWORKS)}; recipes: {", ".join(RECIPES)}
algorithms, which all try the recipes' own settings first:
{chr(10).join(f"  {name:<7} {what}" for name, what in ALGORITHMS.items())}
--objective both searches for low FID and high recall together: the answer is a front. fid or recall searches for one
  number: the answer is one trial, and early stopping is successive halving (ASHA, Li et al. 2020).
--learn-from: of a search on the same pictures, budget and measure the trials are known from the start; of any other
  its best settings are tried first.
--gpus-per-trial auto measures the memory that each network takes at its largest and how many trials side by side make
  the most pictures a second on a GPU, which takes a minute or a few, and shares the GPUs accordingly.
environment: GANVIL_TRACKING_URI and GANVIL_STORAGE stand in for their flags, RAY_ADDRESS names a running cluster.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    exit_code = 0

    def command() -> None:
        nonlocal exit_code
        exit_code = _search(options)

    return run_command("search", command) or exit_code


def _parser() -> Parser:
    parser = Parser(prog="search/run.py", description=__doc__ or "", epilog=_EPILOG)
    what = parser.add_argument_group("what to search")
    what.add_argument("--data", metavar="SOURCE", help="the pictures (see below)")
    what.add_argument("--name", help="of the search and its MLflow experiment [from --data]")
    what.add_argument("--resolution", metavar="SIZE", help="64, or 128x96 for height x width [the pictures' own]")
    what.add_argument("--fit", choices=get_args(Fit), help="what to do with other shapes [letterbox]")
    what.add_argument("--networks", nargs="+", metavar="NET", help="to choose from [dcgan stylegan2]")
    what.add_argument("--recipe", nargs="+", metavar="R", help="settings to start from, one a network [its own]")
    what.add_argument("--conditional", action="store_true", default=None, help="teach the networks the classes")
    what.add_argument("--set", action="append", metavar="FIELD=VALUE", help="any setting of a run, in every trial")
    what.add_argument("--vary", action="append", metavar="FIELD=VALUES", help="and any more to search: a,b or 1..9:log")
    what.add_argument("--algorithm", metavar="A", help="that proposes the trials, see below [tpe]")
    what.add_argument("--objective", choices=list(OBJECTIVES), help="that trials are compared by, see below [both]")
    what.add_argument("--learn-from", nargs="+", metavar="NAME", help="earlier searches in the same MLflow, see below")
    what.add_argument("--features", metavar="NET", help=f"net to score by: {', '.join(FEATURE_NETS)} [randconv]")
    what.add_argument("--seed", type=int, help="of the search and its trials [0]")
    much = parser.add_argument_group("how much")
    much.add_argument("--trials", type=int, metavar="N", help="settings to try, the recipes' own first [16]")
    much.add_argument("--kimg", type=float, metavar="K", help="thousands of pictures shown to a trial [the recipe's]")
    much.add_argument("--ticks", type=int, metavar="N", help="scores and checkpoints a trial, evenly spread [10]")
    much.add_argument("--samples", type=int, metavar="N", help="pictures made for each score [1000]")
    much.add_argument(
        "--early-stopping",
        action=argparse.BooleanOptionalAction,
        help="end trials before the end of their budget that others are clearly ahead of [yes]",
    )
    much.add_argument(
        "--on-collapse",
        choices=get_args(OnCollapse),
        help="end a collapsed trial, or go back once to its last living tick with stronger R1 and lower rates [stop]",
    )
    much.add_argument(
        "--keep", type=int, metavar="N", help="checkpoints a trial: N best by FID, by recall, the last [3]"
    )
    where = parser.add_argument_group("where")
    where.add_argument("--storage", metavar="URI", help="folder or URI for the study and checkpoints [./runs]")
    where.add_argument("--tracking-uri", metavar="URI", help="MLflow [sqlite:///./runs/mlflow.db]")
    where.add_argument("--gpus-per-trial", type=gpus_wish, metavar="F", help="0.5, 1, or auto, see below [1 if any]")
    where.add_argument("--cpus-per-trial", type=float, metavar="F", help="[1, or the GPU's share]")
    where.add_argument("--processes-per-trial", type=int, default=1, metavar="N", help="with as many GPUs and CPUs [1]")
    where.add_argument("--max-concurrent", type=int, metavar="N", help="trials at a time [as many as fit]")
    parser.add_argument("--resume", action="store_true", help="go on with the search of that name")
    parser.add_argument("--dry-run", action="store_true", help="show the space and the plan, start nothing")
    return parser


def _search(options: argparse.Namespace) -> int:
    """Check everything that can be checked, from the quickest on, before anything is started; then search."""
    be_quick()
    storage, tracking = places(options)
    name = search_name(options)
    folder = SearchFolder(storage, name)
    console = Console(soft_wrap=not sys.stdout.isatty())
    plan, pictures = _plan_and_pictures(options, folder, console)
    for run in plan.space().bases.values():
        picture_shape(resolve(run, pictures), len(pictures.class_names))
    demand_answer(tracking)

    # From here on Ray, Optuna and MLflow are needed: seconds to import.
    from search.machines.wishes import Wishes
    from search.study import search

    wishes = Wishes(
        cpus=options.cpus_per_trial,
        gpus=options.gpus_per_trial,
        max_concurrent=options.max_concurrent,
        processes=options.processes_per_trial,
    )
    if options.dry_run:
        from search.preview import preview

        preview(plan, pictures, wishes, folder.storage, tracking, console)
        return 0
    outcome = search(
        plan, pictures, folder=folder, tracking_uri=tracking, wishes=wishes, resume=options.resume, console=console
    )

    from search.results.closing import closing_words

    closing_words(outcome, plan, folder, tracking, console)
    return 0 if outcome.complete else 130


def _plan_and_pictures(options: argparse.Namespace, folder: SearchFolder, console: Console) -> tuple[Plan, PictureSet]:
    """Of a search that begins, or of the one in the folder that goes on."""
    resolution = Resolution.parse(options.resolution) if options.resolution else None
    if resolution is not None:
        check_resolution(resolution.height, resolution.width)
    old = stored_plan(folder)
    if options.resume:
        if old is None:
            raise UserError(f"there is no search {folder.name!r} in {folder.storage!r}: begin it without --resume")
        plan = continued_plan(options, old)
        pictures = _pictures(plan.data, Resolution(height=plan.height, width=plan.width), plan.fit, console)
        check_same_pictures(plan, pictures)
        return plan, pictures
    if old is not None:
        raise UserError(
            f"search {folder.name!r} exists already in {folder.storage!r}: give --resume, or another --name"
        )
    recipes = choose_recipes(options.networks, options.recipe)
    feature_net(options)
    pictures = _pictures(absolute_source(options.data), resolution, options.fit or FIT, console)
    check_resolution(pictures.resolution.height, pictures.resolution.width)
    return new_plan(options, folder.name, recipes, pictures), pictures


def _pictures(source: str, resolution: Resolution | None, fit: Fit, console: Console) -> PictureSet:
    pictures = load_pictures(source, resolution, fit=fit)
    for skipped in pictures.skipped[:5]:
        console.print(f"skipped {skipped.name}: {skipped.reason}", highlight=False, markup=False)
    if len(pictures.skipped) > 5:
        console.print(f"… and {len(pictures.skipped) - 5} more files that cannot be read", highlight=False)
    return pictures


if __name__ == "__main__":
    raise SystemExit(main())

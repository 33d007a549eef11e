"""From what was typed to a search's plan and places. Every user's error here is one line, before anything starts."""

import argparse
import dataclasses
import os
import re
from pathlib import Path
from typing import Any

from gan.data.dataset import ARMORY, Fit, PictureSet
from gan.data.resolution import Resolution
from gan.errors import UserError
from gan.features.registry import FEATURE_NETS
from gan.recipes import recipe_named
from search.judging.collapse import OnCollapse
from search.judging.objectives import BOTH
from search.judging.retention import KEPT
from search.machines.gpu_share import AUTO, Auto
from search.machines.job_copy import in_job_copy
from search.plan import Plan, choose_recipes
from search.proposing.algorithms import DEFAULT, POPULATIONS
from search.records.tracking import tracking_uri

TRIALS, TICKS, SAMPLES, FEATURES, SEED = 16, 10, 1000, "randconv", 0
FIT: Fit = "letterbox"
ON_COLLAPSE: OnCollapse = "stop"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def places(options: argparse.Namespace) -> tuple[str, str]:
    """Storage and tracking URI, absolute. In a Ray job both must be named: its folder goes with the job."""
    storage = options.storage or os.environ.get("GANVIL_STORAGE")
    tracking = options.tracking_uri or os.environ.get("GANVIL_TRACKING_URI") or os.environ.get("MLFLOW_TRACKING_URI")
    absolute = storage if storage and "://" in storage else str(Path(storage or "runs").expanduser().absolute())
    uri = tracking_uri(tracking)
    if in_job_copy(Path.cwd()) and not (
        storage and tracking and not in_job_copy(Path(absolute)) and not in_job_copy(Path(uri))
    ):
        raise UserError(
            "in a Ray job the working directory goes with the job: give --storage and --tracking-uri, as an absolute"
            " folder or a URI that outlives it"
        )
    return absolute, uri


def search_name(options: argparse.Namespace) -> str:
    """As given, else after the data."""
    if options.data is None and not options.resume:
        raise UserError("--data is missing: give a folder of pictures, a zip, a URL of a zip, or armory (see --help)")
    if options.data is None and options.name is None:
        raise UserError("--resume needs the --name of the search to go on with")
    name = options.name
    if name is None:
        stem = Path(options.data.rstrip("/").partition("?")[0]).stem
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._") or "search"
    if not _NAME.fullmatch(name):
        raise UserError(f"--name {name!r} must be letters, digits, dots, dashes and underscores, at most 100")
    return str(name)


def absolute_source(source: str) -> str:
    """The data as it can be found again from any folder."""
    if source == ARMORY or "://" in source:
        return source
    return str(Path(source).expanduser().absolute())


def feature_net(options: argparse.Namespace) -> str:
    """The net to score by; an unknown one is a UserError."""
    name: str = options.features or FEATURES
    if name not in FEATURE_NETS:
        raise UserError(f"unknown feature net {name!r}: choose one of {', '.join(FEATURE_NETS)}")
    return name


def new_plan(options: argparse.Namespace, name: str, recipes: tuple[str, ...], pictures: PictureSet) -> Plan:
    """What was typed, with defaults for the rest."""
    kimg = options.kimg
    if kimg is None:
        kimg = max(recipe_named(recipe).schedule.total_kimg for recipe in recipes)
    return Plan(
        name=name,
        data=absolute_source(options.data),
        data_fingerprint=pictures.fingerprint,
        height=pictures.resolution.height,
        width=pictures.resolution.width,
        channels=pictures.channels,
        conditional=bool(options.conditional),
        recipes=recipes,
        num_trials=_or(options.trials, TRIALS),
        kimg=kimg,
        num_ticks=_or(options.ticks, TICKS),
        num_samples=_or(options.samples, SAMPLES),
        features=feature_net(options),
        seed=_or(options.seed, SEED),
        fit=options.fit or FIT,
        settings=tuple(options.set or ()),
        varied=tuple(options.vary or ()),
        early_stopping=options.early_stopping is not False,
        on_collapse=options.on_collapse or ON_COLLAPSE,
        keep=_or(options.keep, KEPT),
        algorithm=options.algorithm or DEFAULT,
        learn_from=tuple(options.learn_from or ()),
        objective=options.objective or ("fid" if options.algorithm in POPULATIONS else BOTH),
    )


def continued_plan(options: argparse.Namespace, old: Plan) -> Plan:
    """The old plan, with more trials if more are asked for; anything else that is given must say the same."""
    size = Resolution(height=old.height, width=old.width)
    given: dict[str, tuple[Any, Any]] = {
        "--data": (None if options.data is None else absolute_source(options.data), old.data),
        "--resolution": (None if options.resolution is None else Resolution.parse(options.resolution), size),
        "--fit": (options.fit, old.fit),
        "--kimg": (options.kimg, old.kimg),
        "--ticks": (options.ticks, old.num_ticks),
        "--samples": (options.samples, old.num_samples),
        "--features": (options.features, old.features),
        "--seed": (options.seed, old.seed),
        "--conditional": (options.conditional, old.conditional),
        "--set": (None if options.set is None else tuple(options.set), old.settings),
        "--learn-from": (None if options.learn_from is None else tuple(options.learn_from), old.learn_from),
        "--algorithm": (options.algorithm, old.algorithm),
        "--objective": (options.objective, old.objective),
        "--early-stopping": (options.early_stopping, old.early_stopping),
        "--on-collapse": (options.on_collapse, old.on_collapse),
        "--keep": (options.keep, old.keep),
        "--vary": (None if options.vary is None else tuple(options.vary), old.varied),
    }
    if options.networks or options.recipe:
        given["--networks and --recipe"] = (choose_recipes(options.networks, options.recipe), old.recipes)
    for flag, (value, kept) in given.items():
        if value is not None and value != kept:
            raise UserError(f"{flag}: search {old.name!r} began with {kept}, not with {value}; leave it out to go on")
    if old.is_population and options.trials not in (None, old.num_trials):
        raise UserError(
            f"--trials: search {old.name!r} began with a population of {old.num_trials}, which cannot change"
        )
    return dataclasses.replace(old, num_trials=_or(options.trials, old.num_trials))


def gpus_wish(typed: str) -> float | Auto:
    """A number of GPUs, or that it is to be measured."""
    if typed == AUTO:
        return AUTO
    try:
        return float(typed)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{typed!r} is neither a number of GPUs nor {AUTO}") from None


def _or(value: int | None, default: int) -> int:
    return default if value is None else value

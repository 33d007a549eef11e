"""Where trials run: this machine by an embedded Ray, or the cluster that RAY_ADDRESS names (as in a Ray job)."""

import logging
import math
import os
from dataclasses import dataclass
from pathlib import Path

import ray
import torch

from gan.errors import UserError
from search.machines.job_copy import in_job_copy

ROOT = Path(__file__).resolve().parents[2]
_LEFT_BEHIND = [".venv", ".git", "runs", "experiments", "**/__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"]


@dataclass(frozen=True, kw_only=True)
class Machines:
    """What there is, and whether it is a cluster that somebody else started."""

    num_cpus: float
    num_gpus: float
    is_cluster: bool


@dataclass(frozen=True, kw_only=True)
class TrialResources:
    """What one trial gets, and how many run side by side at most (None: as many as there is room for).

    cpus and gpus are for each of its `processes`.
    """

    cpus: float
    gpus: float
    max_concurrent: int | None
    processes: int = 1

    def slots(self, machines: Machines) -> int:
        """How many trials run at once on these machines, 0 where not even one fits."""
        room = machines.num_cpus / (self.cpus * self.processes) if self.cpus else float("inf")
        if self.gpus:
            room = min(room, machines.num_gpus / (self.gpus * self.processes))
        return int(room if self.max_concurrent is None else min(room, self.max_concurrent))


def cluster_address() -> str | None:
    """The address of a running Ray, from RAY_ADDRESS; Ray sets it in jobs."""
    return os.environ.get("RAY_ADDRESS") or None


def local_machine() -> Machines:
    """This machine alone."""
    return Machines(num_cpus=os.cpu_count() or 1, num_gpus=torch.cuda.device_count(), is_cluster=False)


def choose_resources(
    machines: Machines, *, cpus: float | None, gpus: float | None, max_concurrent: int | None, processes: int = 1
) -> TrialResources:
    """What was asked for; else a GPU a trial where there are GPUs (with its share of the cores), else a core a trial.

    Small networks gain less from a second core than a second trial does. UserError where not even one trial fits.
    """
    if gpus is None:
        gpus = 1.0 if machines.num_gpus >= 1 else 0.0
    if cpus is None:
        trials_at_once = machines.num_gpus / gpus if gpus else machines.num_cpus
        cpus = max(1.0, machines.num_cpus // max(1.0, trials_at_once))
    resources = TrialResources(cpus=cpus, gpus=gpus, max_concurrent=max_concurrent, processes=processes)
    if processes < 1 or (processes > 1 and 0.0 < gpus < 1.0):
        raise UserError(
            f"--processes-per-trial {processes} with {gpus:g} GPUs each: there must be 1 or more, and those that train"
            " together need a whole GPU each (or none)"
        )
    if not (0 < cpus < math.inf and 0 <= gpus < math.inf) or (max_concurrent is not None and max_concurrent < 1):
        raise UserError("--cpus-per-trial must be over 0, --gpus-per-trial 0 or more, --max-concurrent 1 or more")
    if resources.slots(machines) < 1:
        raise UserError(
            f"a trial of {processes * cpus:g} CPUs and {processes * gpus:g} GPUs does not fit: there are"
            f" {machines.num_cpus:g} CPUs and {machines.num_gpus:g} GPUs; lower --cpus-per-trial, --gpus-per-trial or"
            " --processes-per-trial"
        )
    return resources


def connect() -> Machines:
    """Start or join Ray; what it has. UserError where the cluster does not answer."""
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # MLflow is the record
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # whose reporter announces every experiment, at verbose=0 too
    os.environ.setdefault("TUNE_PRINT_ALL_TRIAL_ERRORS", "0")  # search/live.py says it in a line, MLflow keeps the rest
    os.environ.setdefault("TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray's own coming default; silences its notice
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    logging.getLogger("ray.tune.tune").setLevel(logging.CRITICAL)  # names failed trials again at the end
    address = cluster_address()
    if address is None:
        # Workers start in other folders; they find gan and search by this.
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        # "local": without it Ray joins whatever cluster was last started on this machine, asked or not
        ray.init("local", include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    else:
        try:
            ray.init(logging_level=logging.ERROR, log_to_driver=False, runtime_env=_runtime_environment())
        except ConnectionError as error:
            line = str(error).splitlines()[0]
            raise UserError(
                f"Ray at RAY_ADDRESS={address!r} does not answer: {line}; unset it to use this machine"
            ) from None
    have = ray.cluster_resources()
    return Machines(num_cpus=have.get("CPU", 0.0), num_gpus=have.get("GPU", 0.0), is_cluster=address is not None)


def _runtime_environment() -> dict[str, object] | None:
    """What workers of a cluster need to import us: nothing in a job, which brings its working directory."""
    in_job = "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ or in_job_copy(Path.cwd())
    if in_job or not (ROOT / "pyproject.toml").exists():  # installed: then it is on the workers too
        return None
    return {"working_dir": str(ROOT), "excludes": _LEFT_BEHIND}

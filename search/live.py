"""What a search shows while it runs: a live table in a terminal, a line a report in a log."""

import datetime
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ray.exceptions import RayTaskError
from ray.tune import Callback
from ray.tune.experiment import Trial
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from search.judging.ticks import tick_at
from search.machines.failures import error_of, is_lost_node
from search.names import (
    COLLAPSED,
    EXCHANGED,
    FID,
    RECALL,
    RETURNED,
    STOPPED,
    TAKE_OVER,
    TAKEN_FROM,
    TRIAL_ID,
    TRIAL_NUMBER,
    WAITING,
    trial_name,
)
from search.plan import Plan

_NONE = "-"
_ENDED = {"done": "green", "collapsed": "yellow", "stopped": "magenta", "failed": "red"}  # and their colours
_MOST_ROWS = 24


@dataclass(frozen=True, kw_only=True)
class Row:
    """One trial as shown. Numbers are NaN until known; fid and recall are of the reference half, at the last tick."""

    number: int
    network: str
    status: str = "waiting"
    images_seen: int = 0
    images_per_second: float = math.nan
    fid: float = math.nan
    recall: float = math.nan
    ada_p: float = math.nan
    best_fid: float = math.nan
    best_recall: float = math.nan
    collapsed: str = ""
    stopped: str = ""
    records_waiting: int = 0


@dataclass(kw_only=True)
class Progress:
    """All trials of this driver, and how long the rest will take."""

    plan: Plan
    num_done_before: int
    clock: Callable[[], float] = time.monotonic
    rows: dict[int, Row] = field(default_factory=dict)
    _started: float = math.nan
    _resumed_images: dict[int, int] = field(default_factory=dict)

    def update(self, row: Row) -> None:
        """The newest state of a trial."""
        if math.isnan(self._started):
            self._started = self.clock()
        if row.number not in self._resumed_images and row.images_seen:
            # A trial's first report after a resume counts only what was trained in this driver: one tick.
            self._resumed_images[row.number] = max(0, row.images_seen - math.ceil(self.plan.tick_images))
        self.rows[row.number] = row

    @property
    def num_done(self) -> int:
        return self.num_done_before + sum(row.status in _ENDED for row in self.rows.values())

    @property
    def num_collapsed(self) -> int:
        return sum(row.status == "collapsed" for row in self.rows.values())

    def eta_seconds(self) -> float:
        """Until the last trial ends, at the pace so far; NaN before the first report."""
        trained = sum(row.images_seen - self._resumed_images.get(row.number, 0) for row in self.rows.values())
        elapsed = self.clock() - self._started
        if not trained or not elapsed > 0:
            return math.nan
        running = [row for row in self.rows.values() if row.status == "running"]
        unseen = self.plan.num_trials - self.num_done - len(running)
        left = unseen * self.plan.total_images
        left += sum(max(0.0, self.plan.total_images - row.images_seen) for row in running)
        return left / (trained / elapsed)

    def summary(self) -> str:
        """`3 of 16 done, 1 collapsed, about 0:23:10 left`."""
        eta = self.eta_seconds()
        left = "" if math.isnan(eta) else f", about {datetime.timedelta(seconds=round(eta))} left"
        return f"{self.num_done} of {self.plan.num_trials} done, {self.num_collapsed} collapsed{left}"


class LiveView(Callback):  # type: ignore[misc]
    """Tune's callback: keeps `Progress` and draws it. close_trial (`SearchRecord`'s) hears of trials that died or were
    stopped: they cannot close their own records."""

    def __init__(self, progress: Progress, close_trial: Callable[..., None], console: Console) -> None:
        self._progress = progress
        self._close_trial = close_trial
        self._console = console
        self._live: Live | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its callbacks; a terminal cannot travel, and nothing here needs to."""
        return {}

    def setup(self, *args: Any, **info: Any) -> None:
        if self._console.is_terminal:
            self._live = Live(self._table(), console=self._console, refresh_per_second=2)
            self._live.start()

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        row = self._row(trial)
        what = "goes on" if row.images_seen else "begins"
        is_there_still = tick_at(row.images_seen, self._progress.plan.tick_images) <= trial.config[EXCHANGED]
        if trial.config[TAKE_OVER] and is_there_still:
            what = f"goes on from {trial.config[TAKEN_FROM]:03d}"
        self._show(replace(row, status="running", collapsed=""), what)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        nan = math.nan
        features = self._progress.plan.features
        row = replace(
            self._row(trial),
            status="running",
            images_seen=int(result["images_seen"]),
            images_per_second=float(result.get("images_per_second", nan)),
            fid=float(result.get(f"fid_{features}_reference", nan)),
            recall=float(result.get(f"recall_{features}_reference", nan)),
            ada_p=float(result.get("ada_p", nan)),
            best_fid=float(result[FID]),
            best_recall=float(result[RECALL]),
            collapsed=str(result[COLLAPSED]),
            stopped=str(result[STOPPED]),
            records_waiting=int(result[WAITING]),
        )
        self._show(row, progress_line(row, self._progress.plan))
        if result[RETURNED]:
            self._show(row, f"went back: {result[RETURNED]}")

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        row = self._row(trial)
        if row.stopped:
            name = trial_name(row.number, row.network)
            self._close_trial(trial.config[TRIAL_ID], name, status="FINISHED", tag=STOPPED, reason=row.stopped)
        status = "collapsed" if row.collapsed else "stopped" if row.stopped else "done"
        why = row.collapsed or row.stopped
        self._show(replace(row, status=status), f"{status}: {why}" if why else status)

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._show(replace(self._row(trial), status="waiting"), f"tried again: {_error_line(error_of(trial))}")

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        error, row = error_of(trial), self._row(trial)
        whole = str(error) if isinstance(error, RayTaskError) else _error_line(error)
        name = trial_name(row.number, row.network)
        self._close_trial(trial.config[TRIAL_ID], name, status="FAILED", tag="error", reason=whole)
        self._show(replace(row, status="failed"), f"failed: {_error_line(error)}")
        if isinstance(error, RayTaskError):
            self._console.print(whole, highlight=False, markup=False, soft_wrap=True)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        self.close()

    def close(self) -> None:
        """Leave the last state of the table standing."""
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
            self._live.stop()
            self._live = None

    def _row(self, trial: Trial) -> Row:
        number = int(trial.config[TRIAL_NUMBER])
        fresh = Row(number=number, network=str(trial.config["network"]))
        return self._progress.rows.get(number, fresh)

    def _show(self, row: Row, what: str) -> None:
        self._progress.update(row)
        if self._live is not None:
            self._live.update(self._table())
        elif not self._console.is_terminal:
            now = datetime.datetime.now().strftime("%H:%M:%S")
            self._console.print(
                f"{now} {row.number:03d} {row.network:<10} {what} | {self._progress.summary()}",
                soft_wrap=True,
                highlight=False,
                markup=False,
            )

    def _table(self) -> Table:
        return progress_table(self._progress)


def progress_line(row: Row, plan: Plan) -> str:
    """One report in words."""
    waiting = f" ({row.records_waiting} records wait for MLflow)" if row.records_waiting else ""
    return (
        f"{row.images_seen / 1000:.4g}/{plan.kimg:.4g} kimg {_number(row.images_per_second, '.0f')} img/s"
        f" FID {_number(row.fid, '.2f')} (best {_number(row.best_fid, '.2f')}) recall {_number(row.recall, '.3f')}"
        f" p {_number(row.ada_p, '.2f')}{waiting}"
    )


def progress_table(progress: Progress) -> Table:
    """The newest trials, one row each. Scores are of the reference half, at the last tick."""
    table = Table(title=f"search {progress.plan.name}", caption=progress.summary(), caption_justify="left")
    table.add_column("trial", justify="right")
    table.add_column("network")
    table.add_column("status")
    for name in ("kimg", "img/s", "FID", "recall", "ADA p", "best FID", "its recall"):
        table.add_column(name, justify="right")
    for row in sorted(progress.rows.values(), key=lambda row: row.number)[-_MOST_ROWS:]:
        style = (_ENDED | {"running": "cyan"}).get(row.status, "dim")
        why = row.collapsed or row.stopped
        status = f"{row.status}: {why}" if why else row.status
        table.add_row(
            f"{row.number:03d}",
            row.network,
            Text(status, style=style),
            f"{row.images_seen / 1000:.4g}/{progress.plan.kimg:.4g}",
            _number(row.images_per_second, ".0f"),
            _number(row.fid, ".2f"),
            _number(row.recall, ".3f"),
            _number(row.ada_p, ".2f"),
            _number(row.best_fid, ".2f"),
            _number(row.best_recall, ".3f"),
        )
    return table


def _number(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else _NONE


def _error_line(error: BaseException | None) -> str:
    """In a line: the exception of the trial's own code, or that its process or machine is gone."""
    if isinstance(error, RayTaskError):
        return f"{type(error.cause).__name__}: {str(error.cause).partition(chr(10))[0][:300]}"
    return "its machine was lost" if is_lost_node(error) else "its process died (out of memory, kill -9)"

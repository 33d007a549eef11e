"""The last words of a search: what was found, where it is, and what to type next."""

from pathlib import Path
from shlex import quote
from urllib.parse import urlencode

from rich.console import Console

from gan.data.resolution import Resolution
from search.machines.job_copy import in_job_copy
from search.plan import Plan
from search.records.tags import VIEW
from search.records.tracking import hide_password, tracking_uri
from search.results.report import front_notes, front_of, front_table, recipe_file
from search.storage.folder import SearchFolder
from search.study import Outcome


def closing_words(outcome: Outcome, plan: Plan, folder: SearchFolder, tracking: str, console: Console) -> None:
    """Print them."""
    lines = next_steps(outcome, plan, folder, tracking)
    if front_of(outcome.found):
        console.print(front_table(outcome.found, plan))
        lines = [*front_notes(outcome.found, plan), *lines]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def next_steps(outcome: Outcome, plan: Plan, folder: SearchFolder, tracking: str) -> list[str]:
    """Lines to read and to copy."""
    collapsed = sum(bool(finding.collapsed or finding.returned) for finding in outcome.found)
    failed = sum(finding.status == "failed" for finding in outcome.found)
    kept = f"everything is kept in {folder.root if folder.is_local else folder.storage}"
    stopped = sum(finding.status == "stopped" for finding in outcome.found)
    lines = [
        f"{len(outcome.found)} trials ended, {collapsed} of them collapsed, {stopped} stopped early,"
        f" {failed} failed; {kept}"
    ]
    shown = hide_password(tracking)
    flags = "" if tracking == tracking_uri() else f" --tracking-uri {shown}"
    if not outcome.complete:
        here = folder.is_local and folder.local_path.parents[1] == Path("runs").absolute()
        storage = "" if here else f" --storage {folder.storage}"
        command = f"python search/run.py --name {plan.name} --resume{storage}{flags}"
        if in_job_copy(Path.cwd()):
            command = f"ray job submit --working-dir . -- {command}"
        lines.append(f"stopped before the end; go on with: {command}")
    elif not front_of(outcome.found):
        lines.append("no trial came to its end alive: see their tags in MLflow; more pictures or --kimg may help")
    if tracking.startswith(("http://", "https://")):
        lines.append(f"curves and pictures: {trials_page(shown.rstrip('/'), outcome.experiment_id)}")
    else:
        page = trials_page("http://127.0.0.1:5000", outcome.experiment_id)
        lines.append(f"curves and pictures: mlflow ui --backend-store-uri {shown} --port 5000")
        lines.append(f"                     then {page}")
    if folder.is_local and (front := front_of(outcome.found)):
        recipe, size = folder.local_path / recipe_file(front[-1]), Resolution(height=plan.height, width=plan.width)
        lines.append(
            f"one for longer:      python -m gan.train --recipe {quote(str(recipe))} --data {quote(plan.data)}"
            f" --resolution {size} --kimg {4 * plan.kimg:g} --out runs/{plan.name}-long"
        )
    lines.append(f"the ensemble:        python ops/refresh.py --search {plan.name}{flags}")
    return lines


def trials_page(server: str, experiment_id: str) -> str:
    """MLflow's page with the trials' curves beside each other, the best first."""
    query = {
        "workflowType": "machine_learning",  # else MLflow 3 opens its pages for language models
        "compareRunsMode": "CHART",
        "viewStateShareKey": VIEW,
    }
    return f"{server}/#/experiments/{experiment_id}/runs?{urlencode(query)}"

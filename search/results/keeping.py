"""A search's results where people look for them: files in its folder and in its MLflow run, and that run's words."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import optuna

from gan.recipe_file import recipe_text
from search.plan import Plan
from search.records.search_record import SearchRecord
from search.results.descriptions import of_search
from search.results.plots import draw_settings
from search.results.report import Finding, draw_front, front_of, recipe_file, write_leaderboard
from search.storage.folder import SearchFolder


def keep_report(
    found: Sequence[Finding], study: optuna.Study, plan: Plan, folder: SearchFolder, record: SearchRecord
) -> list[str]:
    """Tables, plots and the front's recipes, in the search's folder and in its MLflow run; what was left out."""
    with tempfile.TemporaryDirectory(prefix="ganvil-report-") as temporary:
        files = [Path(temporary) / name for name in ("leaderboard.csv", "pareto.csv", "pareto.png")]
        write_leaderboard(found, files[0])
        write_leaderboard([finding for finding in found if finding.on_front], files[1])
        draw_front(found, plan, files[2])
        drawn, left_out = draw_settings(study, found, plan, Path(temporary))
        files += drawn
        for finding in front_of(found):
            files.append(Path(temporary) / recipe_file(finding))
            files[-1].write_text(recipe_text(plan.space().build_run(finding.point)))
        for file in files:
            folder.write(file.name, file.read_bytes())
        record.log_files(*files)
    pictures = [file.name for file in (files[2], *drawn)]
    run_id, links = record.address.parent_run_id, record.trial_pages()
    record.describe(of_search(plan, found, run_id=run_id, pictures=pictures, links=links))
    return left_out

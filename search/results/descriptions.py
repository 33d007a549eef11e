"""What a search's runs say of themselves in MLflow: text that its pages show as Markdown. Pure."""

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from gan.data.dataset import ARMORY, PictureSet
from gan.data.resolution import Resolution
from search.names import BEST
from search.plan import Plan
from search.results.report import Finding, front_of
from search.space.fields import Point
from search.space.short_names import settings_line

_MOST_ROWS = 12  # MLflow takes 5,000 characters
_SETTINGS = (
    "optimiser.generator_lr", "optimiser.discriminator_lr_ratio", "optimiser.batch_size", "regulariser.r1_multiplier",
    "augment.policy", "augment.target", "average.half_life_kimg",
)  # fmt: skip
_COLUMNS = ("trial", "kimg", "FID", "recall", "FID held out", "recall held out", "copies", "settings")
_PICTURES = {
    "pareto.png": "all trials by FID and recall",
    "parallel.png": "their settings, a line a trial",
    "importance.png": "which settings decided",
}


def dataset_of(plan: Plan, pictures: PictureSet) -> dict[str, str]:
    """MLflow's fields of a dataset. The digest is of the pictures as they are trained on."""
    shape = {"num_pictures": len(pictures), "height": plan.height, "width": plan.width, "channels": plan.channels}
    return {
        "name": PurePath(plan.data.partition("?")[0]).name or plan.data,
        "digest": plan.data_fingerprint,
        "source_type": "code" if plan.data == ARMORY else "url" if "://" in plan.data else "local",
        "source": json.dumps({"uri": plan.data}),
        "profile": json.dumps({**shape, "num_classes": len(pictures.class_names), "fit": plan.fit}),
    }


def of_experiment(plan: Plan) -> str:
    """Above the table of runs, which shows the search alone until it is unfolded."""
    return (
        f"Search **{plan.name}**: a run for the search, and below it one for each trial. The trials alone, best first:"
        f" filter by ``tags.`ganvil.kind` = 'trial'``, sort by `best/fid_{plan.features}` (lower is better) or"
        f" `best/recall_{plan.features}` (higher is better). Steps are pictures shown. Those with `_reference` are what"
        " choices were made by; those without are of the half of the pictures that nothing was chosen by."
    )


def view_of(plan: Plan) -> str:
    """The table of trials and their curves as MLflow's pages are to show them: best first, the settings as columns.

    In the JSON in which those pages keep a shared view. They alone read it; another version of theirs may not.
    """
    first = plan.objectives.parts[0]
    varied = [varied.run_field for varied in plan.space().varied]
    columns = [
        *(f"metrics.`{BEST}{name}_{plan.features}`" for name in ("fid", "recall")),
        *(f"params.`{field}`" for field in (*_SETTINGS, *varied)),
        *(f"tags.`{tag}`" for tag in ("network", "collapsed", "returned", "stopped")),
    ]
    view = {
        "searchFilter": "tags.`ganvil.kind` = 'trial'",
        "orderByKey": f"metrics.`{BEST}{first.metric}_{plan.features}`",
        "orderByAsc": first.direction == "minimize",
        "selectedColumns": columns,
    }
    return json.dumps(view)


def of_trial(point: Point) -> str:
    """Its settings in a line; the parameters have them all."""
    return f"{point['network']}: {settings_line(point)}"


def of_search(
    plan: Plan, found: Sequence[Finding], *, run_id: str, pictures: Sequence[str], links: Mapping[str, str]
) -> str:
    """What was searched, the front as a table, pictures, and what to type next.

    pictures: names of its artifacts. links: trial id to its run's page.
    """
    size = Resolution(height=plan.height, width=plan.width)
    ends = [
        ("collapsed", sum(bool(f.collapsed or f.returned) for f in found)),
        ("failed", sum(f.status == "failed" for f in found)),
    ]
    ends.insert(1, ("stopped early", sum(f.status == "stopped" for f in found)))
    counts = "".join(f", {number} {what}" for what, number in ends if number)
    lines = [
        f"{len(found)} of {plan.num_trials} trials ended{counts}: {', '.join(plan.recipes)} on `{plan.data}` at {size},"
        f" {plan.kimg:g} kimg each.",
        "",
    ]
    if front_of(found):
        lines += [
            f"### The front by FID and recall ({plan.features}, {plan.num_samples} samples){_rest(found)}",
            "",
            f"| {'&nbsp; | '.join(_COLUMNS)} |",
            "|---" * len(_COLUMNS) + "|",
            *(_row(finding, links) for finding in front_of(found)[-_MOST_ROWS:]),
            "",
        ]
    for name in pictures:
        source = f"get-artifact?path={name}&run_uuid={run_id}"  # relative, as MLflow's pages may lie below a prefix
        lines += [f"![{_PICTURES[name]}]({source})", ""]
    lines += [
        "### Next",
        "",
        f"- go on, or with more trials: `python search/run.py --name {plan.name} --resume --trials N`",
        f"- the ensemble of all trials' checkpoints: `python ops/refresh.py --search {plan.name}`",
        f"- another search that begins with what this one found: `--learn-from {plan.name}`",
    ]
    return "\n".join(lines)


def _rest(found: Sequence[Finding]) -> str:
    more = len(front_of(found)) - _MOST_ROWS
    return f"; {more} more of higher FID are in pareto.csv" if more > 0 else ""


def _row(finding: Finding, links: Mapping[str, str]) -> str:
    name = f"{finding.number:03d}-{finding.network}"
    link = links.get(finding.trial_id)
    cells = [
        f"[{name}]({link})" if link else name,
        f"{finding.best_images_seen / 1000:.4g}",
        f"{finding.fid:.2f}",
        f"{finding.recall:.3f}",
        f"{finding.fid_held_out:.2f}",
        f"{finding.recall_held_out:.3f}",
        f"{finding.memorised:.3f}",
        settings_line(finding.point),
    ]
    return f"| {'&nbsp; | '.join(cells)} |"  # MLflow sets cells without a gap

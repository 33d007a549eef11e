"""Scores `clean` on a hostile pack against its truth file, on others made here of other pictures in the same way, and
looks at what it would drop from clean packs.

    python experiments/cleaner/run.py [--pack ZIP --truth JSON] [--sets ZIP …] [--made ZIP …] [--out results.json]

Each run is the command itself in a process of its own, in an empty folder that is listed before and after. Pairs are
scored by groups: of an original and its copies exactly one should survive, and which one is free. For a group of size
n of which k survive, n - 1 pictures should go; of the n - k that went, at most n - 1 were right to go.
"""

import argparse
import csv
import io
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from experiments.cleaner.spoil import spoil
from experiments.measured_clean import MEASURED_CLEAN

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
SETS = ("dcss-items", "dcss-weapons-plus", "dcss-monsters", "gameicons-all-128")
# Spoiled here with the seeds 101, 102, …; nobody looked at these while the rules were set.
MADE = ("dcss-monsters", "dcss-weapons-plus", "gameicons-all-128", "dcss-items")
FIRST_SEED = 101


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, default=DATA / "dcss-dirty.zip")
    parser.add_argument("--truth", type=Path, default=DATA / "dcss-dirty.truth.json")
    parser.add_argument("--sets", type=Path, nargs="*", default=[DATA / f"{name}.zip" for name in SETS])
    parser.add_argument("--made", type=Path, nargs="*", default=[DATA / f"{name}.zip" for name in MADE])
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results.json")
    options = parser.parse_args()
    truth = json.loads(options.truth.read_text())
    results: dict[str, Any] = {"pack": options.pack.name, **both_ways(options.pack, truth), "made": {}}
    with tempfile.TemporaryDirectory(prefix="cleaner-packs-") as folder:
        for seed, path in enumerate(options.made, start=options.first_seed):
            pack = Path(folder) / f"{path.stem}-spoiled-{seed}.zip"
            made = spoil(path, pack, seed=seed)
            results["made"][pack.name] = both_ways(pack, made)
    results["sets"] = {path.name: overview(clean(path, mirror=False)) for path in options.sets}
    options.out.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


def both_ways(pack: Path, truth: Mapping[str, Any]) -> dict[str, Any]:
    """Without mirror images as copies, and with."""
    results = {}
    for mirror in (False, True):
        done = clean(pack, mirror=mirror)
        results["mirrored" if mirror else "plain"] = score(truth, done, mirror=mirror) | done["cost"]
    return results


def clean(pack: Path, *, mirror: bool) -> dict[str, Any]:
    """The report's JSON, the members that stayed, what it cost, and files that should not be there."""
    with tempfile.TemporaryDirectory(prefix="cleaner-") as folder:
        inside = Path(folder) / "deep" / "inside"
        inside.mkdir(parents=True)
        wanted = {"clean.zip", "report.html", "report.json", "usage.json"}
        escapes = [Path("/tmp") / f"dirty_escape_{number}.png" for number in range(1, 7)]
        before = {path for path in escapes if path.exists()}
        command = [
            sys.executable,
            "-c",
            MEASURED_CLEAN,
            "usage.json",
            str(pack),
            "--out",
            "clean.zip",
            "--report",
            "report.html",
        ]
        start = time.monotonic()
        done = subprocess.run(
            [*command, *(["--mirror"] if mirror else [])],
            cwd=inside,
            env={"PATH": "", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HOME": folder},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"clean failed on {pack.name}: {done.stderr}")
        seconds = time.monotonic() - start
        usage = json.loads((inside / "usage.json").read_text())
        found = {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}
        strays = found - {f"deep/inside/{name}" for name in wanted}
        strays |= {str(path) for path in escapes if path.exists() and path not in before}
        with ZipFile(inside / "clean.zip") as archive:
            rows = list(csv.reader(io.StringIO(archive.read("provenance.csv").decode(), newline="")))[1:]
            num_pictures = sum(name.endswith(".png") for name in archive.namelist())
            bad = archive.testzip()
        report = json.loads((inside / "report.json").read_text())
        dropped = Counter(one["name"] for one in unique_drops(report["findings"]))
        cost = {
            "seconds": round(seconds, 1),
            "cpu_seconds": round(usage["cpu"], 1),
            "peak_memory_mb": round(usage["peak"] / 1e6),
            "files_outside_the_target": sorted(strays),
            "damaged_members_of_the_clean_zip": bad,
        }
        assert len(rows) == num_pictures == report["summary"]["kept"]
        return {"report": report, "dropped": dropped, "cost": cost}


def unique_drops(findings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """One a file: a picture may be dropped for two reasons."""
    seen: set[tuple[str, str]] = set()
    drops = []
    for one in findings:
        key = (one["name"], "refused" if one["kind"] == "refused" else "")
        if one["verdict"] == "drop" and key not in seen:
            seen.add(key)
            drops.append(one)
    return drops


def score(truth: Mapping[str, Any], done: Mapping[str, Any], *, mirror: bool) -> dict[str, Any]:
    entries, report = truth["entries"], done["report"]
    reasons = defaultdict(list)
    for one in report["findings"]:
        reasons[one["name"]].append(one)
    gone = {entry["member"] for entry in entries if done["dropped"].get(entry["member"])}
    by_kind = {
        kind: {"of": sum(e["kind"] == kind for e in entries)}
        | Counter(fate(e, gone, reasons[e["member"]]) for e in entries if e["kind"] == kind)
        for kind in sorted({entry["kind"] for entry in entries})
    }
    rejects = [entry for entry in entries if entry["expect"] in ("reject", "reject_member")]
    spared = [entry for entry in entries if entry["kind"] in ("clean", "odd_name", "mislabelled")]
    copies = [entry for entry in entries if is_copy(entry, mirror)]
    groups = groups_of(copies)
    in_groups = {member for members in groups.values() for member in members}
    lost = [e["member"] for e in spared if e["member"] in gone and e["member"] not in in_groups]
    lost += [first for first, members in groups.items() if all(member in gone for member in members)]
    return {
        "copies": {
            "all": pairs(groups, gone),
            "exact": resolved([e for e in copies if e["kind"].startswith("exact_")], gone),
            "near": resolved([e for e in copies if e["kind"].startswith("near_")], gone),
            "precision": precision(entries, report, mirror),
            "by_kind": {
                kind: resolved(some, gone)
                for kind in sorted({e["kind"] for e in copies})
                if (some := [e for e in copies if e["kind"] == kind])
            },
            "missed": sorted(f"{e['member']} ({e['kind']})" for e in copies if not is_resolved(e, gone)),
            "dropped_though_no_copy": sorted(untied(entries, report, mirror)),
        },
        "reject_recall": sum(e["member"] in gone for e in rejects) / len(rejects),
        "rejects_missed": [e["member"] for e in rejects if e["member"] not in gone],
        "false_removals": lost,
        "false_removal_rate": len(lost) / len(spared),
        "mislabelled_flagged": sum(
            flagged_as(e, reasons, "likely wrong label") for e in entries if e["kind"] == "mislabelled"
        ),
        "flagged_as_mislabelled": sum(one["kind"] == "likely wrong label" for one in report["findings"]),
        "outliers_flagged": sum(
            flagged_as(e, reasons, "outlier") for e in entries if e["expect"] == "flag" and "outlier" in e["kind"]
        ),
        "outliers": sum(e["expect"] == "flag" and "outlier" in e["kind"] for e in entries),
        "flagged_as_outliers": sum(one["kind"] == "outlier" for one in report["findings"]),
        "conflicts_told": sum(in_conflict(e, report) for e in entries if e["kind"] == "exact_copy_other_class"),
        "label_faults_told": label_faults(truth["dataset_json_faults"], report),
        "by_kind": by_kind,
    }


def is_copy(entry: Mapping[str, Any], mirror: bool) -> bool:
    kind = entry["kind"]
    return bool(kind.startswith(("exact_", "near_")) and (mirror or kind != "near_mirror"))


def groups_of(copies: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for entry in copies:
        groups.setdefault(entry["duplicate_of"], [entry["duplicate_of"]]).append(entry["member"])
    return groups


def pairs(groups: Mapping[str, Sequence[str]], gone: set[str]) -> dict[str, Any]:
    """Recall: of the n - 1 pictures of each group that should go, how many went."""
    wanted = sum(len(members) - 1 for members in groups.values())
    went = sum(min(len(members) - 1, sum(member in gone for member in members)) for members in groups.values())
    too_many = sum(all(member in gone for member in members) for members in groups.values())
    return {"recall": round(went / wanted, 4), "went": went, "of": wanted, "groups_without_survivor": too_many}


def resolved(copies: Sequence[Mapping[str, Any]], gone: set[str]) -> str:
    """Pairs of a copy and its original of which not both are left."""
    return f"{sum(is_resolved(entry, gone) for entry in copies)} of {len(copies)}"


def is_resolved(entry: Mapping[str, Any], gone: set[str]) -> bool:
    return entry["member"] in gone or entry["duplicate_of"] in gone


def precision(entries: Sequence[Mapping[str, Any]], report: Mapping[str, Any], mirror: bool) -> float:
    """Of all that was dropped as a copy, the share whose picture that stays is tied to it by the truth."""
    num = sum(one["verdict"] == "drop" and one["kind"] in ("exact copy", "near copy") for one in report["findings"])
    share: float = 1 - len(untied(entries, report, mirror)) / max(1, num)
    return round(share, 4)


def untied(entries: Sequence[Mapping[str, Any]], report: Mapping[str, Any], mirror: bool) -> list[str]:
    """Drops as copies of which the truth does not say that the two are one picture. It names no original for files
    that came in other formats, even where two of them were made from one: such drops are listed here, and right."""
    tie = {
        entry["member"]: entry["duplicate_of"]
        for entry in entries
        if entry.get("duplicate_of") and (mirror or entry["kind"] != "near_mirror")
    }
    wrong = []
    for one in report["findings"]:
        if one["verdict"] == "drop" and one["kind"] in ("exact copy", "near copy"):
            (beside,) = one["beside"]
            if tie.get(one["name"], one["name"]) != tie.get(beside, beside):
                wrong.append(f"{one['name']} for {beside}: {one['kind']}, {one['reason']}")
    return wrong


def fate(entry: Mapping[str, Any], gone: set[str], findings: Sequence[Mapping[str, Any]]) -> str:
    if entry["kind"] in ("litter", "zip_in_zip", "empty_folder", "png_without_extension"):
        return "dropped" if entry["member"] in gone else "not looked at"
    if entry["member"] in gone:
        kinds = [one["kind"] for one in findings if one["verdict"] == "drop"]
        return f"dropped as {kinds[0]}"
    flags = sorted({one["kind"] for one in findings if one["verdict"] == "flag"})
    return "kept, flagged as " + " + ".join(flags) if flags else "kept"


def flagged_as(entry: Mapping[str, Any], reasons: Mapping[str, Sequence[Mapping[str, Any]]], kind: str) -> bool:
    return any(one["kind"] == kind for one in reasons[entry["member"]])


def in_conflict(entry: Mapping[str, Any], report: Mapping[str, Any]) -> bool:
    return any(
        one["kind"] == "label conflict" and entry["member"] in (one["name"], *one["beside"])
        for one in report["findings"]
    )


def label_faults(faults: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, str]:
    told = {one["name"] for one in report["findings"] if one["kind"] == "label fault"}
    asked = {
        "labels_for_missing_files": faults["labels_for_missing_files"],
        "images_without_label": faults["images_without_label"],
        "class_index_out_of_range": [faults["class_index_out_of_range"]],
    }
    return {key: f"{sum(name in told for name in names)} of {len(names)}" for key, names in asked.items()}


def overview(done: Mapping[str, Any]) -> dict[str, Any]:
    report: dict[str, Any] = done["report"]
    exact = [one for one in report["findings"] if one["kind"] == "label conflict" and one["reason"].startswith("exact")]
    looked: dict[str, Any] = {
        "summary": report["summary"],
        "counts": report["counts"],
        "groups_of_exact_copies_across_classes": len(exact),
        "dropped_as_near": [
            f"{one['name']} for {one['beside'][0]}: {one['reason']}"
            for one in report["findings"]
            if one["kind"] == "near copy"
        ],
    }
    looked.update(done["cost"])
    return looked


if __name__ == "__main__":
    main()

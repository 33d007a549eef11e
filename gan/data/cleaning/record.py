"""An examination as JSON: all findings, for programs and for --keep and --drop lists."""

import json
from collections import Counter
from typing import Any

from gan.data.cleaning.examine import Examination
from gan.data.cleaning.findings import Finding, Verdict

RECORD_VERSION = 1


def summary(examination: Examination) -> dict[str, int]:
    """Files in, pictures kept, files dropped, kept pictures that are flagged, groups of label conflicts."""
    kept = set(examination.kept)
    flagged = {one.place for one in examination.findings if one.verdict is Verdict.FLAG and one.place in kept}
    return {
        "files": examination.num_files,
        "kept": len(kept),
        "dropped": examination.num_files - len(kept),
        "flagged": len(flagged),
    }


def to_json(examination: Examination) -> str:
    """{"version", "source", "mirror", "size", "summary", "counts": {kind: {verdict: n}}, "findings": [{"kind",
    "verdict", "name", "class", "reason", "beside": [names]}]}"""
    counts: dict[str, Counter[str]] = {}
    for one in examination.findings:
        counts.setdefault(one.kind.value, Counter())[one.verdict.value] += 1
    common = examination.common
    record = {
        "version": RECORD_VERSION,
        "source": examination.source,
        "mirror": examination.mirror,
        "size": None if common is None else [common.height, common.width],
        "summary": summary(examination),
        "counts": counts,
        "findings": [_finding(one, examination) for one in examination.findings],
    }
    return json.dumps(record, indent=1) + "\n"


def _finding(one: Finding, examination: Examination) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "verdict": one.verdict.value,
        "name": one.name,
        "class": None if one.place is None else examination.class_of(one.place),
        "reason": one.reason,
        "beside": [examination.seen[place].name for place in one.beside],
    }

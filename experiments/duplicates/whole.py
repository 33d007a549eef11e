"""The whole command on a large zip: is it done in minutes and within its memory, and is it right?

The zip is drawn by gan.data.armory, some of its pictures copies of the one before; written once, with its truth beside
it, and used again by later runs.
"""

import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

from PIL import Image

from experiments.duplicates.packs import big_pack
from experiments.duplicates.scoring import Item, score
from experiments.measured_clean import MEASURED_CLEAN

ROOT = Path(__file__).resolve().parents[2]
NOTHING = Image.new("RGBA", (1, 1))
REPORT = "clean-report"


def whole(pack: Path, *, not_counted: frozenset[str]) -> dict[str, Any]:
    """Time, memory, sizes of what was written, and the score of the pictures that went."""
    truth = truth_of(pack)
    with tempfile.TemporaryDirectory(dir=pack.parent) as folder:
        out = Path(folder).resolve()
        started = time.monotonic()
        subprocess.run(
            [sys.executable, "-c", MEASURED_CLEAN, out / "usage.json", pack.resolve(), "--out", out / "clean.zip"],
            cwd=ROOT,
            check=True,
        )
        seconds = time.monotonic() - started
        usage = json.loads((out / "usage.json").read_text())
        page, record = out / f"{REPORT}.html", out / f"{REPORT}.json"
        report = json.loads(record.read_text())
        with ZipFile(out / "clean.zip") as archive:
            num_left = sum(name.endswith(".png") for name in archive.namelist())
        assert num_left == report["summary"]["kept"]
        sizes = {path.name: round(path.stat().st_size / 1e6, 1) for path in (pack, page, record, out / "clean.zip")}
    gone = {one["name"].removesuffix(".png") for one in report["findings"] if one["verdict"] == "drop"}
    dropped = frozenset(place for place, item in enumerate(truth) if item.name in gone)
    return {
        "pictures": len(truth),
        "copies": sum(bool(item.copy_of) for item in truth),
        "seconds": round(seconds),
        "cpu_seconds": round(usage["cpu"]),
        "peak_memory_mb": round(usage["peak"] / 1e6),
        "megabytes": sizes,
        "summary": report["summary"],
        "counts": report["counts"],
        **score(truth, dropped, not_counted=not_counted).as_json(),
    }


def truth_of(pack: Path) -> list[Item]:
    """In the order of the zip, without the pictures."""
    return [
        Item(name=name, image=NOTHING, kind=kind, copy_of=copy_of)
        for name, kind, copy_of in json.loads(pack.with_suffix(".truth.json").read_text())
    ]


def drawn_pack(num_pictures: int, share_of_copies: float, work: Path) -> Path:
    """About 2.5 ms and 1.4 kB a picture of 32 x 32."""
    path = work / f"armory-{num_pictures}.zip"
    if path.exists():
        return path
    unfinished = path.with_suffix(".unfinished")
    truth = []
    with ZipFile(unfinished, "w", ZIP_STORED) as archive:
        for item in big_pack(num_pictures, share_of_copies, seed=21):
            archive.writestr(f"{item.name}.png", _png(item))
            truth.append((item.name, item.kind, item.copy_of))
    path.with_suffix(".truth.json").write_text(json.dumps(truth))
    unfinished.replace(path)
    return path


def _png(item: Item) -> bytes:
    buffer = io.BytesIO()
    item.image.save(buffer, "PNG")
    return buffer.getvalue()

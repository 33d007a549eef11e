import io
import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from gan.data.members import Skipped
from gan.data.readers.incoming import Candidate
from gan.data.readers.pictures import LabelsFrom, open_pictures
from gan.errors import UserError


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Twenty axes and ten bows; dataset.json numbers all but the first axe."""
    names = [f"axe/{index:02d}.png" for index in range(20)] + [f"bow/{index:02d}.png" for index in range(10)]
    labels = [[name, 7 if name.startswith("axe") else 3] for name in names[1:]]
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name in names:
            archive.writestr(name, png())
        archive.writestr("../up.png", png())
        archive.writestr("dataset.json", json.dumps({"labels": labels}))
    return str(tmp_path / "set.zip")


@pytest.mark.parametrize(
    ("labels", "found", "num_skipped"), [("auto", {7, 3}, 2), ("folders", {"axe", "bow"}, 1), ("none", {None}, 1)]
)
def test_labels_are_where_they_are_looked_for(
    labels: LabelsFrom, found: set[object], num_skipped: int, source: str
) -> None:
    with open_pictures(source, labels=labels) as incoming:
        candidates = list(incoming.candidates)
        assert incoming.num == len(candidates) == 31
        assert {one.label for one in candidates if isinstance(one, Candidate)} == found
        assert sum(isinstance(one, Skipped) for one in candidates) == num_skipped


def test_a_limit_keeps_every_classs_share(source: str) -> None:
    with open_pictures(source, labels="folders", limit=6) as incoming:
        labels = [one.label for one in incoming.candidates if isinstance(one, Candidate)]
    assert labels == ["axe"] * 4 + ["bow"] * 2


def test_candidates_decode_while_the_source_is_open(source: str) -> None:
    with open_pictures(source) as incoming:
        *_, last = incoming.candidates
        assert isinstance(last, Candidate)
        with last.open() as image:
            assert isinstance(image, Image.Image)
            assert image.size == (4, 4)


def test_a_folder_without_pictures_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing here")
    with pytest.raises(UserError, match="holds no pictures"), open_pictures(str(tmp_path)):
        pass

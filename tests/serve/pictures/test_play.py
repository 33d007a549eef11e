"""Morphs, mixes and montages over a whole service, on real (tiny, untrained) networks."""

import io
import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from gan.errors import UserError
from gan.pixels import UInt8Array, from_pil
from serve.pictures.montage import captioned_row, there_and_back
from serve.pictures.play import CREATIVITIES, creativity_row, mixed, morph_frames
from serve.service import Service
from serve.stock.weapon_id import WeaponId
from serve.web.pages import scores_of

PLAIN, OTHER_PLAIN = "3-0-7", "3-0-9-t60"  # a DCGAN, without classes
STYLED, OTHER_STYLED = "3-1-5-c0", "3-1-8-t120-c2"  # a StyleGAN2 with three


def frames_of(answer) -> list[np.ndarray]:
    assert answer.headers["content-type"] == "image/webp"
    found = Image.open(io.BytesIO(answer.content))
    frames = []
    for index in range(found.n_frames):
        found.seek(index)
        frames.append(np.asarray(found.convert("RGBA")).astype(int))
    return frames


def apart(a: UInt8Array, b: UInt8Array) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@pytest.mark.parametrize(
    ("a", "b"), [(PLAIN, OTHER_PLAIN), (STYLED, OTHER_STYLED), (PLAIN, OTHER_STYLED), (STYLED, PLAIN), (PLAIN, PLAIN)]
)
def test_a_morph_begins_with_the_one_and_ends_with_the_other(service: Service, a: str, b: str) -> None:
    first, last = WeaponId.parse(a), WeaponId.parse(b)
    frames = morph_frames(service.foundry, first, last, 24)
    assert len(frames) == 24
    assert apart(frames[0], service.picture(first).picture) <= 1
    assert apart(frames[-1], service.picture(last).picture) <= 1
    steps = [np.abs(one.astype(int) - other.astype(int)).mean() for one, other in itertools.pairwise(frames)]
    assert max(steps) < 40  # of 255: no frame is torn from the one before


def test_between_members_the_way_leads_through_what_is_typical_of_either(service: Service) -> None:
    first, last = WeaponId.parse(PLAIN), WeaponId.parse(OTHER_STYLED)
    frames = morph_frames(service.foundry, first, last, 96)
    typical = [service.picture(WeaponId.parse(text)).picture for text in ("3-0-7-t0", "3-1-8-t0-c2")]
    for each in typical:
        assert min(apart(each, frame) for frame in frames) <= 6


def test_an_animation_runs_there_and_back_without_loss(client: TestClient) -> None:
    answer = client.get(f"/weapon/{PLAIN}/morph/{OTHER_STYLED}.webp?frames=12&milliseconds=40")
    frames = frames_of(answer)
    assert 8 < len(frames) <= 22  # frames alike are one that stays longer
    ends = [
        np.asarray(Image.open(io.BytesIO(client.get(f"/weapon/{end}.png").content)).convert("RGBA"))
        for end in (PLAIN, OTHER_STYLED)
    ]
    assert (frames[0] == ends[0]).all()
    (turn,) = [index for index, frame in enumerate(frames) if apart(frame, ends[1]) <= 1]
    there, back = frames[: turn + 1], frames[turn:]
    assert {frame.tobytes() for frame in back} <= {frame.tobytes() for frame in there}


def test_styles_are_mixed_within_a_member(client: TestClient) -> None:
    pictures = {
        client.get(f"/weapon/{STYLED}/mix/{OTHER_STYLED}.png{query}").content for query in ("", "?layer=1", "?layer=3")
    }
    assert len(pictures) >= 2
    again = client.get(f"/weapon/{STYLED}/mix/{OTHER_STYLED}.png")
    assert again.content in pictures


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        (f"/weapon/{PLAIN}/mix/{STYLED}.png", 422, "different members"),
        (f"/weapon/{PLAIN}/mix/{OTHER_PLAIN}.png", 422, "no styles to mix"),
        (f"/weapon/{STYLED}/mix/{OTHER_STYLED}.png?layer=60", 422, "styles can change from layer 1 to"),
        (f"/weapon/{STYLED}/mix/{OTHER_STYLED}.png?layer=0", 422, "layer"),
        (f"/weapon/{PLAIN}/morph/3-7-1.webp", 404, "2 members"),
        (f"/weapon/2-0-1/morph/{PLAIN}.webp", 410, "version 2"),
        (f"/weapon/{PLAIN}/morph/{STYLED}.webp?frames=4", 422, "frames"),
        (f"/weapon/{PLAIN}/morph/{STYLED}.webp?milliseconds=1", 422, "milliseconds"),
        (f"/weapon/{PLAIN}/similar?n=99", 422, "n: "),
        ("/weapon/3-7-1/similar", 404, "2 members"),
        ("/weapon/nonsense/creativity.png", 422, "not a weapon id"),
    ],
)
def test_what_cannot_be_is_a_problem_in_words(client: TestClient, path: str, status: int, says: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        f"/weapon/{STYLED}/creativity.png",
        f"/weapon/{STYLED}/mix/{OTHER_STYLED}.png",
        f"/weapon/{PLAIN}/morph/{STYLED}.webp",
    ],
)
def test_they_are_permalinks(client: TestClient, path: str) -> None:
    first = client.get(path)
    assert "immutable" in first.headers["cache-control"]
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.head(path).headers["content-type"] == first.headers["content-type"]


def test_the_creativity_row_is_one_weapon_at_several_truncations(client: TestClient, service: Service) -> None:
    row = creativity_row(service.foundry, WeaponId.parse("3-1-5-t30-c1"))
    for picture, percent in zip(row, CREATIVITIES, strict=True):
        same = WeaponId(version="3", member=1, seed=5, truncation_percent=percent, label=1)
        assert apart(picture, service.picture(same).picture) <= 1
    shown = Image.open(io.BytesIO(client.get("/weapon/3-1-5-t30-c1/creativity.png").content))
    assert shown.size == captioned_row(row, ["x"] * len(row)).size


def test_similar_weapons_are_nearer_than_others_and_always_the_same(client: TestClient, service: Service) -> None:
    answer = client.get(f"/weapon/{STYLED}/similar?n=5")
    found = answer.json()
    assert len({weapon["id"] for weapon in found}) == 5
    assert STYLED not in {weapon["id"] for weapon in found}
    assert client.get(f"/weapon/{STYLED}/similar?n=5").json() == found
    again = client.get(f"/weapon/{STYLED}/similar?n=5", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304

    def apart_from(ids: Sequence[WeaponId]) -> float:
        own = service.picture(WeaponId.parse(STYLED)).picture.astype(float)
        return float(np.mean([np.abs(service.picture(each).picture - own).mean() for each in ids]))

    others = [service.forge.ids.choose(seed=seed) for seed in range(40)]
    assert apart_from([WeaponId.parse(weapon["id"]) for weapon in found]) < apart_from(others)


def test_a_members_pictures(client: TestClient) -> None:
    sheets = [client.get(f"/ensemble/members/{index}.png") for index in (0, 1)]
    assert sheets[0].content != sheets[1].content
    assert "no-cache" in sheets[0].headers["cache-control"]
    named = client.get("/ensemble/members/0.png?version=3")
    assert named.content == sheets[0].content
    assert "immutable" in named.headers["cache-control"]
    assert client.get("/ensemble/members/0.png", headers={"If-None-Match": named.headers["etag"]}).status_code == 304
    assert client.get("/ensemble/members/2.png").status_code == 404
    assert client.get("/ensemble/members/0.png?version=2").status_code == 410
    page = client.get("/members").text
    assert page.count("/ensemble/members/") == 2


def test_the_scores_of_a_refresh_are_on_the_page(service: Service) -> None:
    assert scores_of(service.ensemble.report) == []  # this one has other scores
    score = {
        "fid": 20.0,
        "kid": 0.1,
        "precision": 0.5,
        "recall": 0.5,
        "coverage": 1.0,
        "num_samples": 9,
        "num_reals": 9,
    }
    report = {"scores_random": {**score, "features": "randconv"}, "scores_top_k": {"fid": 1.0}}
    assert [each["title"] for each in scores_of(report)] == ["all checkpoints at random"]


def test_montages_hold_what_they_were_given() -> None:
    rng = np.random.default_rng(0)

    def some(count: int, channels: int) -> Sequence[UInt8Array]:
        return list(rng.integers(0, 256, (count, channels, 20, 30), dtype=np.uint8))

    for channels in (1, 3):
        pictures = some(3, channels)
        row = captioned_row(pictures, ["0", "1", "2"])
        factor = 128 // 30
        for index, picture in enumerate(pictures):
            left = 12 + index * (30 * factor + 12)
            part = row.crop((left, 12, left + 30 * factor, 12 + 20 * factor)).resize((30, 20), Image.Resampling.NEAREST)
            assert apart(from_pil(part, channels), picture) == 0
    found = Image.open(io.BytesIO(there_and_back(some(5, 3), 50)))
    assert found.n_frames == 8


def test_errors_reach_whoever_asked_and_the_forge_goes_on(service: Service) -> None:
    def broken(_: object) -> UInt8Array:
        raise UserError("no")

    with pytest.raises(UserError, match="no"):
        service.forge.ask(broken)
    assert mixed(service.foundry, WeaponId.parse(STYLED), WeaponId.parse(OTHER_STYLED), 1).shape == (4, 16, 16)

import numpy as np
from PIL import Image

from gan.data.armory import draw_armory
from gan.data.likeness.descriptor import Descriptor, describe
from gan.data.likeness.find import find_duplicates
from gan.data.likeness.kinds import Kind
from gan.pixels import unpremultiply

WEAPONS = [unpremultiply(picture) for picture in draw_armory(60, 32, 32, seed=9).images]


def described(pictures: list[np.ndarray]) -> list[Descriptor]:
    return [describe(np.ascontiguousarray(picture), straight=True) for picture in pictures]


def enlarged(picture: np.ndarray) -> np.ndarray:
    return picture.repeat(2, axis=1).repeat(2, axis=2)


def noisy(picture: np.ndarray) -> np.ndarray:
    copy = picture.copy()
    noise = np.random.default_rng(3).normal(0, 3, size=picture[:3].shape)
    copy[:3] = np.clip(np.rint(picture[:3] + noise), 0, 255)
    return copy


def test_distinct_pictures_all_stay() -> None:
    assert find_duplicates(described(WEAPONS), mirror=True).groups == ()


def test_one_group_an_original_and_the_original_stays() -> None:
    copies = [noisy(WEAPONS[5]), enlarged(WEAPONS[5]), WEAPONS[5], noisy(WEAPONS[20])]
    pictures = [*copies[:2], *WEAPONS, *copies[2:]]
    found = find_duplicates(described(pictures), mirror=False)
    assert [(group.kept, sorted(group.dropped)) for group in found.groups] == [(7, [0, 1, 62]), (22, [63])]
    kinds = {
        place: pair.match.kind for group in found.groups for place, pair in zip(group.dropped, group.pairs, strict=True)
    }
    assert kinds == {0: Kind.NOISE, 1: Kind.RESIZED, 62: Kind.EXACT, 63: Kind.NOISE}
    assert found.dropped == {0, 1, 62, 63}
    assert found.likely == ()


def test_an_exact_copy_of_a_dropped_copy_goes_with_it() -> None:
    copy = noisy(WEAPONS[5])
    found = find_duplicates(described([copy, copy, WEAPONS[5]]), mirror=False)
    (group,) = found.groups
    assert (group.kept, group.dropped) == (2, (0, 1))
    assert all(pair.match.kind is Kind.NOISE and pair.match.second_is_copy is False for pair in group.pairs)


def test_mirror_twins_go_only_for_a_run_that_mirrors() -> None:
    pictures = described([*WEAPONS[:10], WEAPONS[3][..., ::-1]])
    assert find_duplicates(pictures, mirror=False).dropped == frozenset()
    (group,) = find_duplicates(pictures, mirror=True).groups
    assert (group.kept, group.dropped) == (3, (10,))
    assert group.pairs[0].match.kind is Kind.MIRRORED


def test_an_honest_variant_stays_and_is_shown() -> None:
    variant = WEAPONS[0].copy()
    rows, columns = np.nonzero(variant[3] == 255)
    middle = len(rows) // 2
    variant[:, rows[middle] : rows[middle] + 2, columns[middle] : columns[middle] + 2] = 255
    found = find_duplicates(described([WEAPONS[0], variant]), mirror=False)
    assert found.dropped == frozenset()
    (pair,) = found.likely
    assert (pair.first, pair.second, pair.match.kind) == (0, 1, Kind.NEAR)


def test_progress_ends_at_the_number_of_pairs_and_none_or_one_picture_has_none() -> None:
    calls: list[tuple[int, int]] = []
    pictures = described([WEAPONS[0], noisy(WEAPONS[0]), np.asarray(Image.new("RGBA", (32, 32))).transpose(2, 0, 1)])
    find_duplicates(pictures, mirror=False, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1][0] == calls[-1][1] >= 1
    assert find_duplicates([], mirror=True).groups == ()
    assert find_duplicates(pictures[:1], mirror=True).groups == ()


def test_a_mirrored_run_says_so_of_pictures_that_are_their_own_mirror_image() -> None:
    """Symmetric pictures are unmirrored copies."""
    half = WEAPONS[1][..., :16]
    symmetric = np.concatenate([half, half[..., ::-1]], axis=-1)
    (group,) = find_duplicates(described([symmetric, noisy(symmetric)]), mirror=True).groups
    assert not group.pairs[0].match.mirrored

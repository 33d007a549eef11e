import numpy as np
import pytest
from numpy.typing import NDArray

from gan.ensemble.report import challenge, sample_of, score_choices
from gan.ensemble.selection import Selection
from gan.metrics.evaluate import Reference
from gan.pixels import UInt8Array
from tests.gan.ensemble import planted


class RowsOfPixels:
    """A feature net for tests: the first pixels, as they are."""

    name, fingerprint, num_features, standardised = "pixels", "0" * 16, planted.NUM_FEATURES, True

    def __call__(self, images: UInt8Array) -> NDArray[np.float32]:
        return images.reshape(len(images), -1)[:, : self.num_features].astype(np.float32)


def as_pixels(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.clip(rows * 6 + 128, 0, 255)


@pytest.fixture(scope="module")
def reference() -> Reference:
    pixels = np.rint(as_pixels(planted.draw(range(8), 400, 7))).astype(np.uint8)
    return Reference.build(np.concatenate([pixels, pixels[:, :4]], axis=1).reshape(400, 1, 4, 4), RowsOfPixels())


def raw(modes: range, seed: int) -> NDArray[np.float32]:
    return as_pixels(planted.draw(modes, 200, seed))


def test_every_choice_is_scored_with_the_same_number_of_pictures(reference: Reference) -> None:
    features = {"left": raw(range(4), 1), "right": raw(range(4, 8), 2)}
    choices = {
        "both": Selection(members=("left", "right"), weights=(0.5, 0.5)),
        "one": Selection(members=("left",), weights=(1.0,)),
    }
    scores = score_choices(choices, features, reference)
    assert {s.protocol for s in scores.values()} == {"fid200_pixels"}
    assert {s.half for s in scores.values()} == {"held_out"}
    assert scores["both"].fid < scores["one"].fid
    assert scores["both"].recall > scores["one"].recall
    assert (sample_of(choices["both"], features)[:100] == features["left"][:100]).all()


def test_a_clearly_better_challenger_wins_and_a_worse_one_does_not(reference: Reference) -> None:
    whole, part = raw(range(8), 1), raw(range(5), 2)
    assert challenge(whole, part, reference).won
    assert not challenge(part, whole, reference).won


def test_another_draw_of_the_same_is_noise(reference: Reference) -> None:
    wins = sum(challenge(raw(range(6), seed), raw(range(6), seed + 50), reference).won for seed in range(10))
    assert wins <= 1


def test_the_same_samples_do_not_win(reference: Reference) -> None:
    rows = raw(range(6), 1)
    same = challenge(rows, rows, reference)
    assert same.fid_gain == same.fid_error == same.recall_gain == 0.0
    assert not same.won


def test_a_longer_live_sample_is_thinned_to_the_same_count_with_all_its_members(reference: Reference) -> None:
    members = np.concatenate([raw(range(4), 1), raw(range(4, 8), 2)])
    assert challenge(members[::2], members, reference).fid_gain == 0.0

import numpy as np

from gan.ensemble.report import challenge, sample_of, score_choices
from gan.ensemble.selection import Selection
from gan.metrics.evaluate import Reference
from tests.gan.ensemble import planted


def test_every_choice_is_scored_with_the_same_number_of_pictures(reference: Reference) -> None:
    features = {"left": planted.raw(range(4), 1), "right": planted.raw(range(4, 8), 2)}
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
    whole, part = planted.raw(range(8), 1), planted.raw(range(5), 2)
    assert challenge(whole, part, reference).won
    assert not challenge(part, whole, reference).won


def test_another_draw_of_the_same_is_noise(reference: Reference) -> None:
    pairs = [(planted.raw(range(6), seed), planted.raw(range(6), seed + 50)) for seed in range(10)]
    wins = sum(challenge(one, other, reference).won for one, other in pairs)
    assert wins <= 1


def test_the_same_samples_do_not_win(reference: Reference) -> None:
    rows = planted.raw(range(6), 1)
    same = challenge(rows, rows, reference)
    assert same.fid_gain == same.fid_error == same.recall_gain == 0.0
    assert not same.won


def test_a_longer_live_sample_is_thinned_to_the_same_count_with_all_its_members(reference: Reference) -> None:
    members = np.concatenate([planted.raw(range(4), 1), planted.raw(range(4, 8), 2)])
    assert challenge(members[::2], members, reference).fid_gain == 0.0

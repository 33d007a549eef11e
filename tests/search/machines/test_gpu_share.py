import pytest

from search.machines.gpu_share import AUTO, Need, best_crowd, crowds, gain, most_that_fit, share_of, table
from search.options import gpus_wish


def need(used: float, total: float = 24.0, network: str = "dcgan") -> Need:
    return Need(network=network, gpu="A", used_bytes=used * 1e9, total_bytes=total * 1e9)


@pytest.mark.parametrize(
    ("used", "fit"),
    [(2.0, 8), (2.4, 8), (2.6, 7), (5.0, 4), (5.01, 3), (19.9, 1), (23.0, 1)],
)
def test_as_many_as_fit_with_their_margin_and_at_least_one(used: float, fit: int) -> None:
    assert most_that_fit([need(used)], cpus_per_gpu=16, num_trials=100) == fit


def test_the_largest_network_the_smallest_gpu_the_cores_and_the_trials_bound_it() -> None:
    assert most_that_fit([need(2.0), need(9.0, network="stylegan2")], cpus_per_gpu=16, num_trials=100) == 2
    assert most_that_fit([need(2.0), need(2.0, total=8.0)], cpus_per_gpu=16, num_trials=100) == 3
    assert most_that_fit([need(2.0)], cpus_per_gpu=2.5, num_trials=100) == 2
    assert most_that_fit([need(2.0)], cpus_per_gpu=0.5, num_trials=100) == 1
    assert most_that_fit([need(2.0)], cpus_per_gpu=16, num_trials=3) == 3


def test_crowds_double() -> None:
    assert [crowds(most) for most in (1, 2, 3, 6, 8)] == [[1], [1, 2], [1, 2, 3], [1, 2, 4, 6], [1, 2, 4, 8]]


def test_a_fuller_gpu_must_be_worth_it() -> None:
    assert best_crowd({"dcgan": {1: 100.0}}) == 1
    assert best_crowd({"dcgan": {1: 100.0, 2: 104.0, 4: 104.9}}) == 1
    assert best_crowd({"dcgan": {1: 100.0, 2: 106.0, 4: 107.0}}) == 2
    assert best_crowd({"dcgan": {1: 100.0, 2: 90.0, 4: 160.0}}) == 4
    # what one network gains the other may lose; one that could not be timed at 4 decides for nobody
    assert best_crowd({"dcgan": {1: 100.0, 2: 150.0}, "stylegan2": {1: 10.0, 2: 9.0}}) == 2
    assert best_crowd({"dcgan": {1: 100.0, 2: 150.0}, "stylegan2": {1: 10.0, 2: 6.0}}) == 1
    assert best_crowd({"dcgan": {1: 100.0, 2: 150.0, 4: 300.0}, "stylegan2": {1: 10.0, 2: 12.0}}) == 2
    assert gain({"dcgan": {1: 100.0, 2: 150.0}, "stylegan2": {1: 10.0, 2: 6.0}}, 2) == pytest.approx(0.9**0.5)


def test_shares_fit_together_in_rays_counting() -> None:
    for num in range(1, 9):
        assert 0.999 < num * share_of(num) <= 1.0
        assert share_of(num) == round(share_of(num), 4)


def test_the_table_says_what_was_measured() -> None:
    text = "\n".join(table([need(2.6)], {"dcgan": {1: 100.0, 2: 150.4}}, 2))
    assert "dcgan on A: 2.6 of 24.0 GB" in text
    assert "7 fit with a margin of 20%" in text
    assert "1 at once 100, 2 at once 150" in text
    assert "--gpus-per-trial 0.5" in text


def test_as_typed() -> None:
    assert gpus_wish("auto") == AUTO
    assert gpus_wish("0.25") == 0.25
    with pytest.raises(Exception, match="neither a number of GPUs nor auto"):
        gpus_wish("half")

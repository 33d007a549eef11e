import pytest

from gan.errors import UserError
from gan.optimiser import OptimiserConfig, batch_size_at, rate_share


def test_the_batch_doubles_up_to_its_largest() -> None:
    config = OptimiserConfig(batch_size=16, largest_batch=70, batch_growth_kimg=1.0)
    assert [batch_size_at(config, seen) for seen in (0, 999, 1000, 2000, 9000)] == [16, 16, 32, 64, 64]
    assert batch_size_at(OptimiserConfig(batch_size=16), 10**6) == 16


def test_rates_warm_up_then_decay() -> None:
    config = OptimiserConfig(batch_size=10, warm_up_kimg=1.0, decay="cosine", decay_to=0.2)
    shares = [rate_share(config, seen, 11_000) for seen in (0, 500, 1000, 6000, 11_000, 20_000)]
    assert shares == pytest.approx([10 / 1010, 510 / 1010, 1.0, 0.6, 0.2, 0.2])
    linear = OptimiserConfig(decay="linear", decay_to=0.0)
    assert [rate_share(linear, seen, 1000) for seen in (0, 250, 1000)] == pytest.approx([1.0, 0.75, 0.0])
    assert rate_share(OptimiserConfig(), 123, 1000) == 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"largest_batch": 8, "batch_size": 16}, "largest_batch 8 is under"),
        ({"decay": "steps"}, "decay 'steps' is unknown"),
        ({"gradient_clip": 0.0}, "gradient_clip 0.0"),
        ({"warm_up_kimg": -1.0}, "warm_up_kimg -1.0"),
        ({"decay_to": 2.0}, "decay_to 2.0"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        OptimiserConfig(**changes)  # type: ignore[arg-type]

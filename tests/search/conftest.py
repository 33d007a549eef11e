import pytest

from search.plan import Plan
from search.space.space import Space


@pytest.fixture
def plan() -> Plan:
    """A search of four trials over both networks, on pictures that are not square."""
    return Plan(
        name="test",
        data="armory",
        data_fingerprint="0" * 16,
        height=32,
        width=48,
        channels=4,
        conditional=False,
        recipes=("dcgan", "stylegan2"),
        num_trials=4,
        kimg=50.0,
        num_ticks=5,
        num_samples=100,
        features="randconv",
        seed=3,
    )


@pytest.fixture
def space(plan: Plan) -> Space:
    return plan.space()

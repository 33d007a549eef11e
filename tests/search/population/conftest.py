import dataclasses

import pytest

from search.plan import Plan


@pytest.fixture
def plan(plan: Plan) -> Plan:
    """Four members of one network, eight ticks of 10,000 images."""
    return dataclasses.replace(plan, recipes=("dcgan",), algorithm="pbt", objective="fid", kimg=80.0, num_ticks=8)

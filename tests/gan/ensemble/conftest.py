import pytest

from gan.metrics.evaluate import Reference
from tests.gan.ensemble import planted


@pytest.fixture(scope="session")
def reference() -> Reference:
    return planted.pixel_reference()[0]

from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real, licensed picture sets that lie beside the checkout on some machines."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"no real pictures at {path}")
    return path


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Tests measure no speed; one thread keeps them from fighting over small tensors."""
    torch.set_num_threads(1)

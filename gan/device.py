"""Where to compute: `auto` takes CUDA, else Apple's MPS, else the CPU."""

import torch

from gan.errors import UserError

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; one that this machine lacks is a UserError."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    kind = name.split(":")[0]
    if kind not in available:
        raise UserError(f"unknown device {name!r}: choose one of {', '.join(DEVICES)}")
    if not available[kind]:
        have = ", ".join(kind for kind, there in available.items() if there)
        raise UserError(f"device {name!r} is not available to this torch {torch.__version__}: this machine has {have}")
    return torch.device(name)

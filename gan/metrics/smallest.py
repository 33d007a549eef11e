"""The smallest sets that each number makes sense for; under them it is not reported as if it were good.

They follow a measurement (experiments/metrics, `--show size`): real pictures of three sets under `randconv`, spoilt in
five ways, five seeds. A number is trusted from the samples and reals on at which it still sees half of what it sees of
the same faults with 200 samples, and at which two faultless sets seldom look different by its interval (one in ten, or
one in six where either side is worse). So a trusted number is one whose interval holds and that is not blind; it may
still miss what 400 samples would show.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MIN_ACCURACY = 0.9  # of the classifier, on reals that it has not seen: below it missed modes are its own errors
SAMPLES_A_CLASS = 10  # a class of a tenth of its due share is still found with probability .63


@dataclass(frozen=True, kw_only=True)
class Smallest:
    """So many samples and reals at least."""

    samples: int
    reals: int

    def too_few(self, num_samples: int, num_reals: int) -> str:
        """Why the number is not to be trusted; empty where it may be."""
        lacking = [
            f"{num} {name}, needs {needed}"
            for name, num, needed in (("samples", num_samples, self.samples), ("reals", num_reals, self.reals))
            if num < needed
        ]
        return "; ".join(lacking)


SMALLEST: Mapping[str, Smallest] = MappingProxyType(
    {
        "fid": Smallest(samples=50, reals=50),
        "fid_infinity": Smallest(samples=50, reals=50),
        "kid": Smallest(samples=50, reals=50),
        "precision": Smallest(samples=50, reals=100),
        "recall": Smallest(samples=50, reals=25),
        "density": Smallest(samples=50, reals=50),
        "coverage": Smallest(samples=50, reals=50),
        "vendi": Smallest(samples=100, reals=100),
        "memorised": Smallest(samples=25, reals=25),
        "authenticity": Smallest(samples=50, reals=25),
        "modes": Smallest(samples=100, reals=100),
        "class_divergence": Smallest(samples=100, reals=50),
    }
)

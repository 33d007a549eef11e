"""The smallest sets that each number makes sense for; under them it is not reported as if it were good.

These are first values, set by judgement, not yet by a finished table. What was measured so far, on DCSS items under
`randconv` (two seeds, half of the classes dropped, noise of .15, a quarter of copies; a dose is seen where it lies
outside the interval of none): memorised sees copies from 50 samples on, authenticity from 100; KID and recall see the
noise from 50, precision and coverage from 100, FID, FID_infinity and Vendi only from 400; density does not. Half of
the classes lost is seen by the count of modes alone up to 200 samples. So where a number may be trusted its interval
may still be too wide to tell much. Command: experiments/metrics/detection.py --few.
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
        "fid": Smallest(samples=100, reals=100),
        "fid_infinity": Smallest(samples=200, reals=200),
        "kid": Smallest(samples=100, reals=100),
        "precision": Smallest(samples=100, reals=100),
        "recall": Smallest(samples=200, reals=100),
        "density": Smallest(samples=100, reals=100),
        "coverage": Smallest(samples=200, reals=100),
        "vendi": Smallest(samples=100, reals=100),
        "memorised": Smallest(samples=100, reals=100),
        "authenticity": Smallest(samples=200, reals=100),
        "modes": Smallest(samples=100, reals=100),
        "class_divergence": Smallest(samples=100, reals=100),
    }
)

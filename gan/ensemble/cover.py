"""The candidates that together reach the most reals: maximum coverage, greedy, with a guarantee.

A real is reached when one of the pictures drawn lies in its ball (coverage, gan/metrics/density_coverage.py). With
`size` members that draw equally many pictures, the expected share of reals reached is a sum over reals of 1 - the
product of the members' chances to miss it: monotone and submodular in the set of members. Adding the best one again
and again therefore reaches at least 1 - 1/e = 63 % of what the best set of that size does (Nemhauser, Wolsey & Fisher
1978, "An analysis of approximations for maximizing submodular set functions", theorem 4.2). In practice it is all but
the best. Precision plays no part: scattered samples reach much. It is the answer to "how much could be covered?".
"""

import numpy as np

from gan.ensemble.library import Library


def most_reached(library: Library, size: int) -> list[int]:
    """`size` different candidates by index, in the order in which they were added; fewer if there are fewer."""
    size = min(size, len(library))
    missed = library.chances_to_miss(1.0 / size)
    still = np.ones(missed.shape[1])
    chosen: list[int] = []
    for _ in range(size):
        left = missed @ still
        left[chosen] = np.inf
        chosen.append(int(left.argmin()))
        still *= missed[chosen[-1]]
    return chosen

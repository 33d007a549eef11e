"""Who may propose the next trial, by the names of `--algorithm`. How each does it is in search/proposing/samplers.py.

`pbt` and `pb2` are more than that: their trials exchange networks and settings (search/population/rule.py).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gan.errors import UserError

DEFAULT: Final = "tpe"
PBT: Final = "pbt"
PB2: Final = "pb2"
POPULATIONS: Final = frozenset({PBT, PB2})
ALGORITHMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tpe": "TPE (of two objectives: Ozaki et al. 2022), multivariate and grouped: made for spaces with branches",
        "nsga2": "evolution in five generations (NSGA-II, Deb et al. 2002)",
        "nsga3": "the same, spread along reference points (NSGA-III, Deb & Jain 2014)",
        "gp": "Gaussian processes and the improvement that they expect; for one network",
        "random": "chance, to compare with",
        PBT: "population based training (Jaderberg et al. 2017): trials of one network train together, and every other"
        " tick the worst quarter goes on from the best, with settings moved a little; for one objective [fid]",
        PB2: "the same, with settings that a bandit expects most of (Parker-Holder et al. 2020)",
    }
)
_FOR_ONE_NETWORK: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gp": "models the settings that all trials have in common, and {num} networks share few",
        **dict.fromkeys(
            POPULATIONS,
            "lets trials take over each other's networks, and those of {num} kinds do not fit into each other",
        ),
    }
)


def check_algorithm(name: str, num_networks: int) -> None:
    """UserError for an unknown name, or for one that does not know such a space."""
    if name not in ALGORITHMS:
        raise UserError(f"unknown algorithm {name!r}: choose one of {', '.join(ALGORITHMS)}")
    if num_networks > 1 and name in _FOR_ONE_NETWORK:
        why = _FOR_ONE_NETWORK[name].format(num=num_networks)
        raise UserError(f"--algorithm {name} {why}: give one to --networks, or take tpe")

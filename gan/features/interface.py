"""What a feature net promises.

A net's name goes into the name of every number computed from its features: numbers of different nets never compare.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gan.pixels import UInt8Array


class FeatureNet(Protocol):
    """Pictures in, one row of features each out.

    name: as in `fid_<name>`. fingerprint: of the weights and of the preprocessing, so that cached features
    are never mistaken. num_features: d. standardised: whether distances want each feature brought to mean 0
    and deviation 1 on the reals (a random net's features have arbitrary scales; a trained net's are used as
    the field uses them).
    """

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def num_features(self) -> int: ...
    @property
    def standardised(self) -> bool: ...

    def __call__(self, images: UInt8Array) -> NDArray[np.float32]:
        """uint8 `[n, c, h, w]`, c = 1, 3 or 4 (premultiplied) -> raw features `[n, num_features]`.

        A picture's features do not depend on its neighbours in the batch.
        """

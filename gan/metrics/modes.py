"""How many of the true classes the samples hold, and how unevenly: the plainest measure of lost modes.

The Stacked MNIST protocol (Metz et al. 2017, arXiv:1611.02163, section 3.3; Srivastava et al. 2017, VEEGAN): a
classifier names every sample's class; counted are the classes that got at least one sample, higher is better, and the
Kullback-Leibler divergence, in nats, from the samples' class shares to the reals', KL(samples || reals), lower is
better, 0 for equal shares. The protocol has 26,000 samples for 1,000 classes; with few samples both numbers suffer:
classes are missed by chance and the plug-in divergence is too high by about (classes - 1) / (2 n).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Modes:
    """num_modes: classes with at least one sample, of num_classes; divergence: KL(samples || reals) in nats."""

    num_modes: int
    num_classes: int
    divergence: float


def modes(sample_labels: Labels, real_labels: Labels, num_classes: int) -> Modes:
    """From class numbers `[n]` and `[m]`, 0 to num_classes - 1.

    Classes without a real are no modes: nobody can lose them. Raises ValueError for no labels, labels out of range, or
    samples of a class that has no real (the divergence would be infinite; a classifier of the reals cannot say so).
    """
    ours, theirs = _counts(sample_labels, num_classes, "samples"), _counts(real_labels, num_classes, "reals")
    if (ours[theirs == 0] > 0).any():
        raise ValueError(f"samples of {int(((ours > 0) & (theirs == 0)).sum())} classes of which there are no reals")
    share, true_share = ours[ours > 0] / ours.sum(), theirs[ours > 0] / theirs.sum()
    return Modes(
        num_modes=int((ours > 0).sum()),
        num_classes=int((theirs > 0).sum()),
        divergence=max(0.0, float((share * np.log(share / true_share)).sum())),
    )


def _counts(labels: Labels, num_classes: int, name: str) -> NDArray[np.int64]:
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"{name}: {len(labels)} labels; there must be some, all from 0 to {num_classes - 1}")
    return np.bincount(labels, minlength=num_classes)

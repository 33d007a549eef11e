"""Copies of training pictures among the samples: the one fault that every other number rewards.

A sample is held against the training picture nearest to it: its closeness is that distance over the distance
from this training picture to the nearest other one that differs from it. A copy has closeness 0. Authenticity
(Alaa et al. 2022, arXiv:2102.08921, section 4) is the share of samples with closeness above 1. But a fresh,
honest draw is below 1 two times in five (under `randconv` .41 of DCSS monsters, .47 of weapons), so on its
own it says little. Below 1/2 lie .08 and .10 of fresh draws, all copies, and .96 and .98 of copies under
noise of .04 (blur of sigma .45 hides more: .74 and .46). That share is what we call memorised: on monsters it
sees 5 % of copies, authenticity 25 %.
"""

from dataclasses import dataclass

import numpy as np
import torch

from gan.metrics.arrays import Features, Float64Array, checked
from gan.metrics.neighbours import nearest, squared_distance_blocks

MEMORISED_UNDER = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingPictures:
    """The training set's features `[n, d]`, and what of it is worth computing once.

    nearest_other `[n]`: the distance from each to the nearest picture that differs from it, so that exact
    duplicates in the training data, whose nearest neighbour is at distance 0, do not hide their own copies.
    memorised_if_fresh: the share of these pictures that would count as memorised, were each one a sample and
    the rest the training set; a generator without a memory scores about this, not 0, where the data hold near
    duplicates.
    """

    features: Features
    nearest_other: Float64Array
    memorised_if_fresh: float

    @classmethod
    def of(cls, features: Features) -> "TrainingPictures":
        """Raises ValueError where no two pictures differ, or on NaN. Costs 2 n^2 d."""
        checked(features, "training pictures", at_least=2)
        num = len(features)
        other = np.empty(num, dtype=np.int64)
        other_distance = np.empty(num)
        different = np.empty((num, 2), dtype=np.int64)
        different_distance = np.empty((num, 2))
        for rows, squared in squared_distance_blocks(features, features):
            equal = squared == 0
            squared[torch.arange(len(squared)), torch.arange(rows.start, rows.stop)] = torch.inf
            smallest, at = squared.min(dim=1)
            other[rows], other_distance[rows] = at.numpy(), smallest.sqrt().numpy()
            two = squared.masked_fill_(equal, torch.inf).topk(2, dim=1, largest=False)
            different[rows], different_distance[rows] = two.indices.numpy(), two.values.sqrt().numpy()
        if not np.isfinite(different_distance[:, 0]).all():
            raise ValueError(f"training pictures: all {num} are the same, so none has a distance to another")
        # leave one out: i is the sample, other[i] the training picture nearest to it, and i is no training
        # picture
        without = np.where(
            different[other, 0] == np.arange(num), different_distance[other, 1], different_distance[other, 0]
        )
        fresh = float(np.mean(other_distance < MEMORISED_UNDER * without))
        return cls(features=features, nearest_other=different_distance[:, 0], memorised_if_fresh=fresh)

    def closeness(self, samples: Features) -> Float64Array:
        """Each sample's distance to the nearest training picture over that one's `nearest_other`, `[n]`."""
        checked(samples, "samples")
        indices, distances = nearest(samples, self.features)
        return np.asarray(distances / self.nearest_other[indices])


def memorised(samples: Features, training: Features | TrainingPictures) -> float:
    """Share of the samples closer than 1/2 to a training picture: 0..1, lower is better, 1 for copies.

    To be read against `memorised_if_fresh`. Raises ValueError where fewer than three training pictures
    differ.
    """
    return float(np.mean(_prepared(training).closeness(samples) < MEMORISED_UNDER))


def authenticity(samples: Features, training: Features | TrainingPictures) -> float:
    """Share of the samples not closer than 1, Alaa et al.'s number: 0 for copies, about .55 for fresh draws.

    Its control is the same of real pictures that were surely not copied: of the held-out half against the reference
    half. A generator that has seen neither scores as they do against both; what lies below the control is memorised.
    """
    return float(np.mean(_prepared(training).closeness(samples) >= 1.0))


def _prepared(training: Features | TrainingPictures) -> TrainingPictures:
    return training if isinstance(training, TrainingPictures) else TrainingPictures.of(training)

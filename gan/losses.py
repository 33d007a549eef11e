"""Adversarial losses on logits `[n]`: lower is better for the network that takes the step.

The generator's comes a fake each, `[n]`, because top-k training leaves some out; the discriminator's as a scalar.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor

from gan.errors import UserError

LossKind = Literal["non_saturating", "hinge", "relativistic"]


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """The game that the two networks play (gan/losses.py)."""

    kind: LossKind = "non_saturating"
    packing: int = 1  # pictures that the discriminator judges together (PacGAN, Lin et al. 2018: 2 to 4)
    # The generator learns from the best-judged share of its fakes only (Sinha et al. 2020: down to 0.5); 1: all.
    top_k: float = 1.0
    top_k_half_life_kimg: float = 25.0  # the share halves in so many thousand images until it reaches top_k

    def __post_init__(self) -> None:
        if self.kind not in get_args(LossKind):
            raise UserError(f"loss {self.kind!r} is unknown: choose one of {', '.join(get_args(LossKind))}")
        if self.packing < 1:
            raise UserError(f"packing {self.packing} must be 1 picture or more")
        if not 0.0 < self.top_k <= 1.0:
            raise UserError(f"top_k {self.top_k} must lie in 0 .. 1: the share of fakes to learn from")
        if not self.top_k_half_life_kimg > 0.0:
            raise UserError(f"top_k_half_life_kimg {self.top_k_half_life_kimg} must be over 0")


class Loss(ABC):
    """One game."""

    @abstractmethod
    def generator(self, fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
        """`[n]`, a loss a fake. `real_logits`: of as many reals; a `LossInTwoParts` does without."""

    @abstractmethod
    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The mean over the batch."""

    def certainty(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """`[n]`, above 0 where the discriminator is right about a real: what ADA's r_t is the mean sign of."""
        return real_logits


class LossInTwoParts(Loss):
    """A game whose discriminator is told off for reals and for fakes apart: one part's graph can go before the next."""

    @abstractmethod
    def of_reals(self, logits: Tensor) -> Tensor:
        """The mean over the reals."""

    @abstractmethod
    def of_fakes(self, logits: Tensor) -> Tensor:
        """The mean over the fakes."""

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The sum of the parts."""
        return self.of_reals(real_logits) + self.of_fakes(fake_logits)


class NonSaturating(LossInTwoParts):
    """Goodfellow et al. 2014, equation 1, and section 3 for the generator."""

    def generator(self, fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
        """-log sigmoid(D(G(z)))."""
        return F.softplus(-fake_logits)

    def of_reals(self, logits: Tensor) -> Tensor:
        """-log sigmoid(D(x))."""
        return F.softplus(-logits).mean()

    def of_fakes(self, logits: Tensor) -> Tensor:
        """-log(1 - sigmoid(D(G(z))))."""
        return F.softplus(logits).mean()


class Hinge(LossInTwoParts):
    """Lim & Ye 2017; Miyato et al. 2018, equations 16 and 17; BigGAN."""

    def generator(self, fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
        """-D(G(z))."""
        return -fake_logits

    def of_reals(self, logits: Tensor) -> Tensor:
        """max(0, 1 - D(x))."""
        return F.relu(1.0 - logits).mean()

    def of_fakes(self, logits: Tensor) -> Tensor:
        """max(0, 1 + D(G(z)))."""
        return F.relu(1.0 + logits).mean()


class Relativistic(Loss):
    """RpGAN, Jolicoeur-Martineau 2018, with f(t) = -log(1 + e^-t): R3GAN (Huang et al. 2024), equation 2.

    A fake is judged against the real beside it, so no fake is safe because all of them lie on one side (mode dropping).
    """

    def generator(self, fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
        """log(1 + exp(-(D(G(z)) - D(x))))."""
        assert real_logits is not None
        return F.softplus(real_logits - fake_logits)

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """log(1 + exp(-(D(x) - D(G(z)))))."""
        return F.softplus(fake_logits - real_logits).mean()

    def certainty(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The real's lead over its fake: a logit alone has no zero here."""
        return real_logits - fake_logits


LOSSES: Mapping[LossKind, Loss] = {
    "non_saturating": NonSaturating(),
    "hinge": Hinge(),
    "relativistic": Relativistic(),
}


def best_judged(losses: Tensor, share: float) -> Tensor:
    """The mean of the lowest losses, that share of them (at least one): top-k training (Sinha et al. 2020, eq. 3).

    Fakes that the discriminator finds worst point away from the data and are left out. Share 1 is the plain mean.
    """
    keep = max(1, round(len(losses) * share))
    return losses.mean() if keep == len(losses) else losses.topk(keep, largest=False).values.mean()


def top_k_share(floor: float, half_life_kimg: float, images_seen: int) -> float:
    """How many of the fakes count after so many images: all at first, then fewer, never under `floor`.

    The paper multiplies by 0.99 an epoch down to 0.5; here the half-life is in images, whatever the set's size.
    """
    share: float = 0.5 ** (images_seen / (1000.0 * half_life_kimg))
    return max(floor, share)

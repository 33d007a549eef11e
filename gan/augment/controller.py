"""How much to augment: ADA's feedback from the discriminator's overfitting (Karras et al., section 3)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor

from gan.augment.config import AugmentConfig
from gan.errors import UserError


class Controller(ABC):
    """Holds p, and measures r_t = E[sign(D(real))], the paper's sign of overfitting (equation 1).

    r_t near 0: the discriminator does not know reals from fakes; near 1: it knows every real by heart. It is
    measured under every policy, since it is a sign of collapse to come. 0 until the first look.
    """

    def __init__(self, config: AugmentConfig, p: float) -> None:
        self.config = config
        self._p = p
        self._r_t = 0.0
        # Whole numbers even on the device, so that a resumed run sums to the same bit.
        self._sign_sum: Tensor | float = 0.0
        self._num_logits = 0
        self._num_images = 0
        self._num_minibatches = 0

    @property
    def p(self) -> float:
        """The probability of each change, for the next minibatch."""
        return self._p

    @property
    def r_t(self) -> float:
        """r_t over the last full interval, in [-1, 1]; higher is more overfitted. A NaN logit counts as 0."""
        return self._r_t

    def update(self, real_logits: Tensor) -> None:
        """Takes D's outputs for a minibatch of augmented reals `[n, ...]`; adjusts p every `interval` calls.

        Waits for the device only on those calls. The whole minibatch at once: with gradient accumulation, the
        parts are joined first.
        """
        self._sign_sum = real_logits.detach().float().sign().sum() + self._sign_sum
        self._num_logits += real_logits.numel()
        self._num_images += real_logits.shape[0]
        self._num_minibatches += 1
        if self._num_minibatches < self.config.interval:
            return
        self._r_t = float(self._sign_sum) / self._num_logits
        self._p = self.next_p(self._num_images)
        self._sign_sum, self._num_logits, self._num_images, self._num_minibatches = 0.0, 0, 0, 0

    @abstractmethod
    def next_p(self, num_images: int) -> float:
        """p after `num_images` more images, by the r_t just measured."""

    def state(self) -> dict[str, float]:
        """All that resuming exactly needs, as plain numbers; waits for the device."""
        return {
            "p": self._p,
            "r_t": self._r_t,
            "sign_sum": float(self._sign_sum),
            "num_logits": self._num_logits,
            "num_images": self._num_images,
            "num_minibatches": self._num_minibatches,
        }

    def load_state(self, state: Mapping[str, float]) -> None:
        """Takes back what `state` gave. Raises UserError where its names differ."""
        if set(state) != set(self.state()):
            raise UserError(
                f"augmentation state has {sorted(state)}, expected {sorted(self.state())}: "
                "resume from a checkpoint of this version"
            )
        self._p, self._r_t, self._sign_sum = float(state["p"]), float(state["r_t"]), float(state["sign_sum"])
        self._num_logits, self._num_images = int(state["num_logits"]), int(state["num_images"])
        self._num_minibatches = int(state["num_minibatches"])


class AdaController(Controller):
    """Moves p by a fixed step towards r_t = target: up when D overfits more than wanted, down when less.

    The step is images seen / (speed_kimg * 1000). p stays in 0..max_p.
    """

    def __init__(self, config: AugmentConfig, *, p: float | None = None) -> None:
        super().__init__(config, config.initial_p if p is None else p)
        assert 0.0 <= self.p <= config.max_p, f"p = {self.p} is outside 0..{config.max_p}"

    def next_p(self, num_images: int) -> float:
        direction = (self._r_t > self.config.target) - (self._r_t < self.config.target)
        step = num_images / (self.config.speed_kimg * 1000.0)
        return min(max(self._p + direction * step, 0.0), self.config.max_p)


class ConstantController(Controller):
    """Leaves p as it is and only measures r_t."""

    def next_p(self, num_images: int) -> float:
        return self._p

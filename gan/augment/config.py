"""What the discriminator's augmentation may be set to."""

from dataclasses import dataclass
from typing import Literal

from gan.errors import UserError

Policy = Literal["none", "ada", "fixed", "diffaugment"]
POLICIES: tuple[Policy, ...] = ("none", "ada", "fixed", "diffaugment")


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """How every picture is changed before the discriminator sees it, and who decides how often.

    `ada`: the pipeline of Karras et al. 2020 (arXiv 2006.06676) with its adaptive p. `fixed`: the same
    pipeline at `fixed_p`. `diffaugment`: Zhao et al. 2020 (arXiv 2006.10738), always on. `none`: pictures go
    through untouched.

    Raises UserError for a value outside its range and for an ADA pipeline with every group switched off.
    """

    policy: Policy = "ada"
    target: float = 0.6
    """`ada`: the wanted r_t = E[sign(D(real))]; paper, section 3: 0.6."""
    speed_kimg: float = 500.0
    """`ada`: thousands of images over which p may go from 0 to 1; paper, section 3: 500."""
    interval: int = 4
    """Minibatches between two looks at r_t; paper, section 3: 4."""
    initial_p: float = 0.0
    """`ada`: where p starts."""
    max_p: float = 0.8
    """`ada`: where p stops. The paper has no upper bound but finds leaks unlikely only below 0.8 (section
    2.2); a very small set drives p past that, and then a sword may be born upside down."""
    fixed_p: float = 0.2
    """`fixed`: the constant p."""
    blit: bool = True
    """Pixel blitting: flips, turns, whole-pixel shifts (b of the paper's bgc)."""
    geometry: bool = True
    """Scaling, rotation, stretching, fractional shifts (g)."""
    colour: bool = True
    """Brightness, contrast, luma flip, hue, saturation (c)."""
    mirror: bool = True
    """Whether blitting may mirror left and right; off for pictures that have a handedness to keep."""
    alpha_aware: bool = True
    """ADA on pictures with alpha. On: beyond the edge lies transparency, and colours change beneath alpha, so that
    transparent stays transparent. Off: the paper's pipeline for RGB on the colours as stored, reflected at the edge
    with alpha, which tints the transparent ground too."""
    antialias: bool = False
    """On: geometry resamples as in the paper, up and down by the SYM6 wavelet; the pipeline then costs two to
    four times as much. Off: it reads once from a Lanczos enlargement, at the mild scales drawn here no worse:
    shapes moved at p = 0.5 were 38 dB from their exact rendering, by the paper's way 36.5 dB."""

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise UserError(f"augment policy {self.policy!r} is unknown: choose one of {', '.join(POLICIES)}")
        if not -1.0 < self.target < 1.0:
            raise UserError(f"augment target {self.target} is out of range: choose one within -1..1, such as 0.6")
        if not self.speed_kimg > 0.0:
            raise UserError(f"augment speed_kimg {self.speed_kimg} must be above 0: the paper's is 500")
        if self.interval < 1:
            raise UserError(f"augment interval {self.interval} must be at least 1 minibatch: the paper's is 4")
        for name, probability in (("max_p", self.max_p), ("fixed_p", self.fixed_p)):
            if not 0.0 <= probability <= 1.0:
                raise UserError(f"augment {name} {probability} is not a probability: choose one in 0..1")
        if not 0.0 <= self.initial_p <= self.max_p:
            raise UserError(f"augment initial_p {self.initial_p} is outside 0..{self.max_p}: lower it or raise max_p")
        if self.policy in ("ada", "fixed") and not (self.blit or self.geometry or self.colour):
            raise UserError(
                f"augment policy {self.policy!r} without blit, geometry and colour does nothing: use 'none'"
            )

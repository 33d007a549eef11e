"""Which tick a trial is at. Pure: ticks of different batch sizes lie some images apart, behind the same multiples."""

_ROUNDING = 1e-6  # of ticks: a tick's length in images is a quotient of floats


def tick_at(images_seen: int, tick_images: float) -> int:
    """How many ticks a trial has had by then."""
    return int(images_seen / tick_images + _ROUNDING)

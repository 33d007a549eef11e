"""Which size to train at first, and for how long: the numbers in gan/data/advice.py's sentences."""

import math
import statistics

from gan.data.files import Files
from gan.data.resolution import Resolution

SEARCH_SIDE = 64  # what is smaller is trained as it is: in pixel art every pixel counts
LONGEST_SIDE = 128
CHEAP_SIDE = 32
TIMES_SHOWN = 300
SHORTEST_KIMG = 100


def sizes_that_train(longest: int) -> list[Resolution]:
    """All sizes up to that side which the networks take: base x 2^k, the same k >= 2 for both, bases of 3 to 16."""
    doublings = range(2, int(math.log2(max(longest, 12) / 3)) + 1)
    sizes = {(high << k, wide << k) for k in doublings for high in range(3, 17) for wide in range(3, 17)}
    return [Resolution(height=high, width=wide) for high, wide in sorted(sizes) if max(high, wide) <= longest]


def drawn_size(files: Files) -> Resolution:
    """The size that the pictures were drawn at: the median of the files', less what pixel art was blown up by."""
    heights = [height for height, _, count in files.sizes for _ in range(count)]
    widths = [width for _, width, count in files.sizes for _ in range(count)]
    return Resolution(
        height=max(1, statistics.median_low(heights) // files.enlarged),
        width=max(1, statistics.median_low(widths) // files.enlarged),
    )


def size_to_train_at(files: Files) -> Resolution:
    """The drawn size, if the networks take it, or its least whole multiple up to 32 px, or the least above it.

    Beyond 64 px, 64 px in the same shape.
    """
    drawn = drawn_size(files)
    longer = max(drawn.height, drawn.width)
    if longer > SEARCH_SIDE:
        return size_of_that_shape(drawn, SEARCH_SIDE)
    around = [size for size in sizes_that_train(SEARCH_SIDE) if _holds(size, drawn)]
    largest = max(longer, CHEAP_SIDE)
    whole = [size for size in around if times_larger(size, drawn) and max(size.height, size.width) <= largest]
    return min(whole or around, key=lambda size: (size.height * size.width, size.height))


def times_larger(size: Resolution, drawn: Resolution) -> int | None:
    """By which whole number the one is the other enlarged; None: by none."""
    times = size.height // drawn.height
    return times if (size.height, size.width) == (drawn.height * times, drawn.width * times) else None


def size_of_that_shape(shape: Resolution, longest: int) -> Resolution:
    """The size whose longer side is about that, of nearly that shape."""

    def unlike(size: Resolution) -> float:
        stretch = math.log(size.height / size.width * shape.width / shape.height)
        return abs(stretch) + 0.5 * math.log(longest / max(size.height, size.width))

    return min(sizes_that_train(longest), key=unlike)


def kimg_to_show(num_different: int) -> int:
    """Thousands of pictures in a first run: each different one 300 times, 100,000 at least; two digits."""
    kimg = max(SHORTEST_KIMG, TIMES_SHOWN * num_different / 1000)
    step: int = 10 ** (len(str(int(kimg))) - 2)
    return round(kimg / step) * step


def _holds(size: Resolution, inner: Resolution) -> bool:
    return size.height >= inner.height and size.width >= inner.width

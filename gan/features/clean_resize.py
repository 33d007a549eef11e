"""Pictures as nets that were trained on photographs take them: RGB, square, by clean-fid's resizer.

Parmar et al. 2022 (arXiv:2104.11222): Pillow's bicubic filter on floats, low-passed when reducing, no rounding in
between. Such a net knows no alpha: RGBA is flattened on mid-grey 128, grey is repeated to RGB.
"""

import numpy as np
from numpy.typing import NDArray

from gan.pixels import UInt8Array


def clean_resize(images: UInt8Array, side: int) -> NDArray[np.float32]:
    """uint8 `[n, c, h, w]` -> float `[n, 3, side, side]` in 0..255, whatever their aspect."""
    from cleanfid.resize import make_resizer  # slow to import: only for those who use it

    resize = make_resizer("PIL", quantize_after=False, filter="bicubic", output_size=(side, side))
    resized = [resize(image.transpose(1, 2, 0)).transpose(2, 0, 1) for image in flatten_on_grey(images)]
    return np.ascontiguousarray(np.stack(resized), dtype=np.float32)


def flatten_on_grey(images: UInt8Array) -> UInt8Array:
    """Inside pictures as uint8 RGB `[n, 3, h, w]`, over grey 128 where transparent, rounded to nearest."""
    channels = images.shape[1]
    if channels == 3:
        return images
    if channels == 1:
        return np.repeat(images, 3, axis=1)
    transparency = 255 - images[:, 3:].astype(np.uint32)
    flattened: UInt8Array = np.clip(images[:, :3] + (transparency * 128 + 127) // 255, 0, 255).astype(np.uint8)
    return flattened

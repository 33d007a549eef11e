"""What an ensemble looks like: a row of reals, then a row of samples for each member, with its share."""

import numpy as np
from PIL import Image

from gan.ensemble.ensemble import Ensemble
from gan.pixels import UInt8Array, sheet

COLUMNS = 16


def draw_sheet(ensemble: Ensemble, reals: UInt8Array) -> Image.Image:
    """16 pictures of every member; the reals `[n, c, h, w]` evenly from first to last. At least 48 px a picture."""
    spread = np.linspace(0, len(reals) - 1, COLUMNS).astype(int)
    rows = [reals[spread], *(ensemble.draw_accepted(index, COLUMNS) for index in range(len(ensemble.members)))]
    titles = ["reals", *(f"{member.weight:.0%}  {member.id}" for member in ensemble.members)]
    scale = max(1, -(-48 // ensemble.height))
    return sheet(np.concatenate(rows), COLUMNS, scale=scale, row_titles=titles)

"""Candidates whose features are not stored: drawn anew, once, and kept beside what is fetched."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from gan.errors import UserError
from gan.whole_file import write_whole
from ops.candidates import CandidateStore, IncompleteError, Kept, StoredCandidate

_FEATURES = "features"


def drawn(
    store: CandidateStore,
    wanted: Sequence[tuple[Kept, float]],
    *,
    net: str,
    count: int,
    left_out: Counter[str],
    say: Callable[[str], None],
) -> list[StoredCandidate]:
    """Each (checkpoint, truncation) with features of `count` pictures; `left_out` counts what cannot be drawn from."""
    files = [store.drawn_file(kept, net, count, truncation) for kept, truncation in wanted]
    found: dict[int, NDArray[np.float16]] = {}
    missing: list[tuple[int, Path]] = []
    for place, (kept, _) in enumerate(wanted):
        features = _read(files[place])
        if features is not None:
            found[place] = features
            continue
        try:
            missing.append((place, store.fetch(kept)))
        except IncompleteError:
            left_out["incomplete"] += 1
    if missing:
        from ops.sampling import Draw, drawn_features  # Ray takes seconds, and most refreshes need none

        say(f"drawing {count} pictures of each of {len(missing)} checkpoints, for their {net} features")
        draws = [Draw(folder=folder, truncation=wanted[place][1]) for place, folder in missing]
        for index, result in drawn_features(draws, net=net, count=count):
            place = missing[index][0]
            if isinstance(result, UserError):
                left_out["not to be drawn from"] += 1
                say(f"  {wanted[place][0].id}: {result}")
                continue
            write_whole(files[place], save({_FEATURES: result}))
            found[place] = result
    return [
        StoredCandidate.of(kept, found[place], truncation=truncation)
        for place, (kept, truncation) in enumerate(wanted)
        if place in found
    ]


def _read(file: Path) -> NDArray[np.float16] | None:
    try:
        features: NDArray[np.float16] = load_file(file)[_FEATURES]
        return features
    except (OSError, SafetensorError, KeyError):
        return None  # not there, or not readable: it is drawn again

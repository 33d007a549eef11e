"""A video as incoming pictures: frames at a rate, without those that hardly differ from the one before."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.container
import av.error
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan.data.decode import MOST_PIXELS_A_FILE
from gan.data.members import Skipped
from gan.data.readers.incoming import Candidate, Incoming, decoded
from gan.errors import UserError

VIDEO_ENDINGS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ogv", ".ts", ".wmv", ".flv")
CELLS = 16
# By FFmpeg's names. Playlists are not among them: a file that is one could name any other file or server.
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegvideo,mpegts,ogg,asf,flv"


def is_video(source: str) -> bool:
    return source.lower().endswith(VIDEO_ENDINGS)


@contextmanager
def open_video(source: str, *, fps: float, similar: float, limit: int | None = None) -> Iterator[Incoming]:
    """Frames `fps` times a second; a frame that differs by less than `similar` (see `difference`) from the last one
    kept is passed over. limit: the first so many that are kept.

    Reads local files only, from start to end, one frame in memory at a time. A video that breaks off gives the
    frames before the fault. Raises UserError: no video, none that FFmpeg can read, frames too large.
    """
    if not Path(source).is_file():
        raise UserError(f"video {source!r} does not exist: give a local file (download it first)")
    try:
        container = av.open(source, mode="r", options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"})
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise UserError(f"video {source!r} cannot be read: {_reason(error)}") from None
    with container:
        if not container.streams.video:
            raise UserError(f"video {source!r} has no pictures, only sound or data")
        stream = container.streams.video[0]
        stream.codec_context.options = {"max_pixels": str(MOST_PIXELS_A_FILE)}  # a later frame may be larger
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > MOST_PIXELS_A_FILE:
            raise UserError(f"video {source!r}: frames of {width}x{height} are over {MOST_PIXELS_A_FILE:,} pixels")
        seconds = None if container.duration is None else container.duration / av.time_base
        yield Incoming(
            source=source,
            kind="video",
            candidates=_frames(source, container, fps=fps, similar=similar, limit=limit),
            num=None if seconds is None else max(1, round(seconds * fps)),
        )


def difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Of two frames' cells (`cells_of`): the largest change of one cell's mean colour, 0..255.

    The largest rather than the mean: a small thing that moves before a still background counts, while noise, which
    every cell averages away, does not.
    """
    return float(np.abs(one - other).max())


def cells_of(frame: Image.Image) -> NDArray[np.float32]:
    """The mean colour of each of 16 x 16 cells, `[16, 16, 3]`."""
    return np.asarray(frame.convert("RGB").resize((CELLS, CELLS), Image.Resampling.BOX), dtype=np.float32)


def _frames(
    source: str, container: av.container.InputContainer, *, fps: float, similar: float, limit: int | None
) -> Iterator[Candidate | Skipped]:
    name = Path(source).name
    last: NDArray[np.float32] | None = None
    num_kept = 0
    try:
        for seconds, image in _at_rate(container, fps):
            place = f"{name}@{seconds:.3f}s"
            cells = cells_of(image)
            if last is not None and (change := difference(last, cells)) < similar:
                yield Skipped(place, f"hardly differs from the frame before it: by {change:.1f}, under {similar:g}")
                continue
            last = cells
            yield decoded(place, None, image)
            num_kept += 1
            if num_kept == limit:
                return
    except (av.error.FFmpegError, OSError, ValueError) as error:
        yield Skipped(f"{name} after {num_kept} frames", f"the video breaks off: {_reason(error)}")


def _at_rate(container: av.container.InputContainer, fps: float) -> Iterator[tuple[float, Image.Image]]:
    """The first frame at or after each tick of 1/fps seconds, upright, with its time."""
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    due = start = None
    for number, frame in enumerate(container.decode(stream)):
        time = number / rate if frame.time is None else float(frame.time)
        if due is None or start is None:
            due = start = time
        if time < due - 1e-6:
            continue
        due = start + (np.floor((time - start) * fps + 1e-6) + 1) / fps
        image = Image.fromarray(frame.to_ndarray(format="rgb24"))
        yield time, image.rotate(frame.rotation, expand=True) if frame.rotation else image


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__

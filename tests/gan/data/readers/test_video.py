from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from gan.data.members import Skipped
from gan.data.readers.incoming import Candidate
from gan.data.readers.video import cells_of, difference, open_video
from gan.errors import UserError

WIDTH, HEIGHT, RATE = 192, 128, 10


def encode(path: Path, frames: Iterable[Image.Image]) -> str:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 4_000_000
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")))
        container.mux(stream.encode(None))
    return str(path)


def scene(number: int, *, moved: int = 0) -> Image.Image:
    """A background of its own colour and a small square, somewhere."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (40 * number % 256, 200 - 30 * number % 200, 90))
    image.paste((250, 250, 250), (16 + moved, 16, 32 + moved, 32))
    return image


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Four scenes of a second each, in which nothing moves."""
    path = tmp_path_factory.mktemp("video") / "scenes.mp4"
    return encode(path, (scene(number) for number in range(4) for _ in range(RATE)))


def read(source: str, **options: float) -> tuple[list[tuple[str, Image.Image]], list[Skipped]]:
    frames, skipped = [], []
    with open_video(source, **{"fps": RATE, "similar": 6.0, **options}) as incoming:  # type: ignore[arg-type]
        for candidate in incoming.candidates:
            if isinstance(candidate, Candidate):
                with candidate.open() as image:
                    assert isinstance(image, Image.Image)
                    frames.append((candidate.name, image))
            else:
                skipped.append(candidate)
    return frames, skipped


def test_a_still_scene_gives_one_frame(scenes: str) -> None:
    frames, skipped = read(scenes)
    assert [name for name, _ in frames] == [f"scenes.mp4@{second}.000s" for second in range(4)]
    assert len(skipped) == 36
    assert "hardly differs" in skipped[0].reason
    for number, (_, image) in enumerate(frames):
        assert image.size == (WIDTH, HEIGHT)
        assert np.abs(np.asarray(image)[80, 120].astype(int) - scene(number).getpixel((120, 80))).max() < 12


@pytest.mark.parametrize(("fps", "num"), [(1, 4), (2, 8), (5, 20), (1000, 40)])
def test_frames_come_at_the_rate(fps: float, num: int, scenes: str) -> None:
    frames, skipped = read(scenes, fps=fps, similar=0)
    assert (len(frames), skipped) == (num, [])


def test_the_number_is_foretold_for_the_bar(scenes: str) -> None:
    with open_video(scenes, fps=2, similar=0) as incoming:
        assert incoming.num == 8


def test_a_limit_is_on_what_is_kept(scenes: str) -> None:
    frames, _ = read(scenes, limit=2)
    assert [name for name, _ in frames] == ["scenes.mp4@0.000s", "scenes.mp4@1.000s"]


def test_a_small_thing_that_moves_counts_and_noise_does_not(tmp_path: Path) -> None:
    moving = encode(tmp_path / "moving.mp4", (scene(1, moved=16 * step) for step in range(8)))
    assert len(read(moving)[0]) == 8
    chance = np.random.default_rng(0)
    still = np.asarray(scene(1)).astype(int)
    noisy = [
        Image.fromarray(np.clip(still + chance.normal(0, 8, still.shape), 0, 255).astype(np.uint8)) for _ in range(8)
    ]
    assert len(read(encode(tmp_path / "noisy.mp4", noisy))[0]) == 1


def test_the_measure_is_the_largest_change_of_a_cell() -> None:
    black, changed = Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64))
    changed.paste((0, 80, 0), (0, 0, 4, 2))  # half of one cell of 4 x 4 pixels
    assert cells_of(black).shape == (16, 16, 3)
    assert difference(cells_of(black), cells_of(changed)) == 40


def test_slow_drift_is_measured_from_the_frame_kept_last(tmp_path: Path) -> None:
    fade = [Image.new("RGB", (WIDTH, HEIGHT), (3 * step, 3 * step, 3 * step)) for step in range(60)]
    frames, _ = read(encode(tmp_path / "fade.mp4", fade), similar=12.0)
    assert 10 <= len(frames) <= 17, "steps of 3 are each under 12, their sum is not"


def test_a_video_that_breaks_off_gives_the_frames_before(scenes: str, tmp_path: Path) -> None:
    avi = Path(encode(tmp_path / "whole.avi", (scene(number) for number in range(40))))
    data = bytearray(avi.read_bytes())
    (tmp_path / "cut.avi").write_bytes(data[: len(data) // 2])
    frames, _ = read(str(tmp_path / "cut.avi"), similar=0)
    assert 0 < len(frames) < 40
    (tmp_path / "cut.mp4").write_bytes(Path(scenes).read_bytes()[:200])
    with pytest.raises(UserError, match="cannot be read"):
        read(str(tmp_path / "cut.mp4"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b"no video", "cannot be read"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n", "cannot be read"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", "cannot be read"),
    ],
)
def test_what_is_no_video_is_one_line(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "play.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read(str(path))
    assert "\n" not in str(caught.value)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.avi"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), dtype=np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(UserError, match="only sound"):
        read(str(tmp_path / "sound.avi"))

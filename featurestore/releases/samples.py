"""Write the files of a sample release."""

from collections.abc import Iterable
from pathlib import Path


def write_clip(path: Path, number: int = 0, rate: int = 16_000) -> None:
    """Write a clip of noise, and the folders above it. The number makes its length and content differ from others'.

    Args:
        path: of the clip, whose suffix is that of a format of libsndfile.
        number: 0, 1, 2, …; the clip is (0.1 + 0.001 number) seconds long.
        rate: Hz.
    """
    import numpy as np
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(number).normal(0, 0.1, round((0.1 + 0.001 * number) * rate)).astype(np.float32)
    soundfile.write(path, noise, rate)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file in UTF-8, each line with a plain newline, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")

"""Read the sampling rate of every clip from its header, and report those at another rate than the release's."""

from collections.abc import Sequence
from pathlib import Path

from featurestore.errors import Unencodable
from featurestore.manifest import Utterance
from featurestore.releases.reading import Finding


def read_rates(root: Path, rows: Sequence[Utterance]) -> dict[str, int]:
    """Return the sampling rate in Hz by utterance id, of every clip whose length could be read.

    Args:
        root: folder that `audio` is relative to.
        rows: the utterances, with durations.
    """
    measured = [row for row in rows if row.duration is not None]
    return {row.id: rate for row in measured if (rate := _read_rate(root / row.audio))}


def find_other_rates(root: Path, rows: Sequence[Utterance], rate: int) -> tuple[Finding, ...]:
    """Report the clips at another rate than that of the release, such as those of a resampled copy.

    Args:
        root: folder that `audio` is relative to.
        rows: the utterances, with durations.
        rate: of the release, in Hz; 0 if it has several.
    """
    others = {one: here for one, here in (read_rates(root, rows) if rate else {}).items() if here != rate}
    what = f"clips at another sampling rate than the {rate:,} Hz of the release"
    return (Finding(what, tuple(f"{one}: {here:,} Hz" for one, here in others.items())),) if others else ()


def _read_rate(path: Path) -> int:
    """Return the sampling rate in Hz, or 0 if the clip cannot be read, which was reported with its length."""
    from featurestore.audio import decode

    try:
        return decode.probe(path).rate
    except Unencodable:
        return 0

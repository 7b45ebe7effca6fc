"""Whether the `start` and `end` of a table cut its clips, or are times in a recording that was cut already."""

from collections.abc import Mapping, Sequence

from featurestore.corpora import Finding
from featurestore.corpora._clips import APART, Length
from featurestore.manifest import Utterance

_ALIKE = 0.1  # seconds that the length of a clip that was cut may differ from end - start
_NEARLY_ALL = 0.9  # share of the clips
_CUT_ALREADY = (
    "clips that are as long as end - start while end lies beyond them: start and end are taken for times in another "
    "recording, and do not cut them"
)


def check_times(start: float | None, end: float | None) -> None:
    """Raise ValueError unless 0 <= start < end; either may be missing."""
    if start is not None and start < 0:
        raise ValueError(f"starts at {start:g} s, before its clip")
    if end is not None and end <= (start or 0.0):
        raise ValueError(f"ends at {end:g} s, not after its start at {start or 0.0:g} s")


def are_cut(rows: Sequence[Utterance], lengths: Mapping[str, Length]) -> tuple[bool, tuple[Finding, ...]]:
    """Decide whether `start` and `end` cut the clips of a table.

    They do, unless nearly every clip is just as long as its row's end - start and some of these ends lie beyond the
    clip: so are clips that were cut out of a recording and kept their times in it.

    Args:
        rows: the table.
        lengths: of each clip, by `audio`.

    Returns:
        whether they cut, and a finding where they do not.
    """
    timed = [row for row in rows if row.audio and (row.start is not None or row.end is not None)]
    spans = [
        (row, (row.end or 0.0) - (row.start or 0.0), own)
        for row in timed
        if row.end is not None and (own := lengths[row.audio].seconds) is not None
    ]
    alike = [row for row, span, own in spans if abs(span - own) <= _ALIKE]
    beyond = [row for row, span, own in spans if abs(span - own) <= _ALIKE and (row.end or 0.0) > own + APART]
    if beyond and len(alike) >= _NEARLY_ALL * len(spans):
        return False, (Finding(_CUT_ALREADY, tuple(row.id for row in beyond)),)
    return bool(timed), ()

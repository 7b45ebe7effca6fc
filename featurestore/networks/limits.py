"""Limit the length of a clip by what the user allows and by what fits into memory."""

from dataclasses import dataclass, replace
from functools import partial

from featurestore.audio import decode
from featurestore.errors import Unencodable, UnencodableNow
from featurestore.item import Item
from featurestore.networks.identity import Identity
from featurestore.networks.memory import estimate_encoding_memory, format_bytes


class TooLong(UnencodableNow):
    """A clip beyond a limit."""


class TooLongForNetwork(Unencodable):
    """A clip or a text longer than its network reads, on any machine."""


@dataclass(frozen=True)
class Limits:
    """Limits of one clip. They are part of no cache key: a limit decides whether a vector is made, never its values.

    Args:
        max_seconds: the longest clip that the user allows; None for any.
        memory: bytes that one clip may take in a worker; None where it does not matter (on a GPU).
    """

    max_seconds: float | None = None
    memory: int | None = None

    def apply(self, item: Item, identity: Identity) -> Item:
        """Return a copy of an item whose clip raises TooLong, before it is decoded, if it is beyond a limit."""
        is_limited = identity.modality == "audio" and (self.max_seconds is not None or self.memory is not None)
        return replace(item, check_length=partial(self.check, identity) if is_limited else None)

    def check(self, identity: Identity, seconds: float) -> None:
        """Check the length of a clip.

        Raises:
            TooLong: the clip is beyond a limit.
        """
        check_seconds(seconds, self.max_seconds)
        if self.memory is not None and (needed := estimate_encoding_memory(identity, seconds)) > self.memory:
            raise TooLong(
                f"{seconds:.0f} s long: encoding it would take about {format_bytes(needed)} of memory, "
                f"{format_bytes(self.memory)} are free for one worker; cut it, or use --jobs 1 or a machine with more"
            )


def measure_length(item: Item) -> float:
    """Measure an item's clip or segment in seconds.

    Raises:
        Unencodable: the clip's header cannot be read.
    """
    if item.audio is None:
        return 0.0
    return decode.measure_segment(decode.read_duration(item.audio), item.start, item.end)


def check_seconds(seconds: float, most: float | None) -> None:
    """Raise TooLong for a clip beyond the length that the user allows. None allows any."""
    if most is not None and seconds > most:
        raise TooLong(f"{seconds:.1f} s long: --max-seconds allows {most:g}")

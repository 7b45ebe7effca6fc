"""How long a clip may be: what the user allows, and what fits into memory."""

from dataclasses import dataclass
from pathlib import Path

from featurestore import audio
from featurestore.encoders import Identity, Item
from featurestore.encoders._memory import needed
from featurestore.errors import Unencodable

_SHARE = 0.8  # of the available memory; the rest is for what an estimate does not see
_CGROUP = Path("/sys/fs/cgroup")


class TooLong(Unencodable):
    """A clip beyond a limit; not the clip's own fault, so that the next run tries it again under its own limits."""


@dataclass(frozen=True)
class Limits:
    """What one clip may take. Part of no key: a limit decides whether a vector is made, never what it is.

    Args:
        max_seconds: the longest clip that the user allows; None for any.
        memory: bytes that one clip may take in a worker; None where it does not matter (on a GPU).
    """

    max_seconds: float | None = None
    memory: int | None = None

    def check(self, item: Item, identity: Identity) -> None:
        """Reads the clip's header only.

        Raises:
            TooLong: the clip is beyond a limit.
            Unencodable: its header cannot be read.
        """
        if item.audio is None or identity.modality != "audio" or (self.max_seconds is None and self.memory is None):
            return
        seconds = _seconds(item, audio.duration(item.audio))
        if self.max_seconds is not None and seconds > self.max_seconds:
            raise TooLong(f"{seconds:.1f} s long: --max-seconds allows {self.max_seconds:g}")
        if self.memory is not None and (wanted := needed(identity, seconds)) > self.memory:
            raise TooLong(
                f"{seconds:.0f} s long: encoding it would take about {_told(wanted)} of memory, {_told(self.memory)} "
                "are free for one worker; cut it, or use --jobs 1 or a machine with more"
            )


def _seconds(item: Item, whole: float) -> float:
    """Compute the length of an item: the whole clip, or its segment."""
    return (whole if item.end is None else min(item.end, whole)) - (item.start or 0.0)


def room(workers: int = 1) -> int:
    """Bytes that each of so many workers on this machine may take; within the container's limit, where there is one."""
    import psutil

    return int(_SHARE * min(psutil.virtual_memory().available, _container()) / workers)


def _container() -> float:
    """What is left of the control group's limit; infinite where there is none."""
    try:
        limit, used = ((_CGROUP / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        return float("inf") if limit == "max" else float(limit) - float(used)
    except (OSError, ValueError):
        return float("inf")


def _told(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"

"""How long a clip may be: what the user allows, and what fits into memory."""

from dataclasses import dataclass
from pathlib import Path

from featurestore.audio import decode
from featurestore.errors import Unencodable
from featurestore.item import Item
from featurestore.networks.identity import Identity
from featurestore.networks.memory import needed

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
        seconds = length(item)
        check_seconds(seconds, self.max_seconds)
        if self.memory is not None and (wanted := needed(identity, seconds)) > self.memory:
            raise TooLong(
                f"{seconds:.0f} s long: encoding it would take about {told(wanted)} of memory, {told(self.memory)} "
                "are free for one worker; cut it, or use --jobs 1 or a machine with more"
            )


def length(item: Item) -> float:
    """Measure an item in seconds, its clip or its segment; raise Unencodable where the clip's header cannot be read."""
    if item.audio is None:
        return 0.0
    whole = decode.duration(item.audio)
    return (whole if item.end is None else min(item.end, whole)) - (item.start or 0.0)


def check_seconds(seconds: float, most: float | None) -> None:
    """Raise TooLong for a clip beyond the length that the user allows; None for any."""
    if most is not None and seconds > most:
        raise TooLong(f"{seconds:.1f} s long: --max-seconds allows {most:g}")


def room(workers: int = 1) -> int:
    """Compute the bytes that each of so many workers on this machine may take.

    The machine's free memory and the container's limit are shared; a limit on address space holds for each process.
    """
    import psutil

    free = min(psutil.virtual_memory().available, _container()) / workers
    return max(0, int(_SHARE * min(free, _address_space())))


def _address_space() -> float:
    """Compute what is left of `ulimit -v`; infinite where it is not set. Workers are taken to be as large as this."""
    try:
        import resource
    except ImportError:  # Windows
        return float("inf")
    import psutil

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return float("inf") if limit == resource.RLIM_INFINITY else float(limit - psutil.Process().memory_info().vms)


def _container() -> float:
    """What is left of the control group's limit; infinite where there is none."""
    try:
        limit, used = ((_CGROUP / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        return float("inf") if limit == "max" else float(limit) - float(used)
    except (OSError, ValueError):
        return float("inf")


def told(size: int) -> str:
    """Format a number of bytes."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"

"""Choose the utterances of a trial run, and estimate the whole extraction from it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from featurestore.errors import BadValue, format_count
from featurestore.extraction.partition import Work, sort_by_cost
from featurestore.extraction.worker import PartResult
from featurestore.networks.memory import format_bytes
from featurestore.progress import format_duration
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile


@dataclass(frozen=True)
class TrialEstimate:
    """What a trial run tells about the whole extraction.

    Args:
        total: utterances of the store.
        missing: utterances that are not encoded yet.
        workers: that encode at once.
        seconds: until the missing ones are encoded; None if the trial encoded nothing.
        file_bytes: size of the finished file; None likewise.
        worker_bytes: peak memory of one worker, the network included; None likewise.
    """

    total: int
    missing: int
    workers: int
    seconds: float | None = None
    file_bytes: int | None = None
    worker_bytes: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as plain JSON values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the estimate as lines for a terminal."""
        missing = f"{self.missing:,} of {format_count(self.total, 'utterance')}"
        if self.seconds is None or self.file_bytes is None or self.worker_bytes is None:
            return [f"missing: {missing}; no estimate, because the trial encoded nothing"]
        disk = format_bytes(max(self.file_bytes, 1_000_000))
        return [
            f"missing: {missing}, about {format_duration(self.seconds)} with {format_count(self.workers, 'worker')}",
            f"disk: about {disk} for the finished file, and as much for parts meanwhile",
            f"memory: {format_bytes(self.worker_bytes)} of a worker at its peak",
            "the same command without --limit encodes the rest, and keeps what is encoded",
        ]


def check_limit(limit: int | None) -> None:
    """Check the number of utterances of a trial run. None means no trial.

    Raises:
        BadValue: it is below 1.
    """
    if limit is not None and limit < 1:
        raise BadValue("a trial run needs utterances", expected="--limit of at least 1", got=str(limit))


def choose_trial(work: Sequence[Work], limit: int) -> list[Work]:
    """Choose utterances at even steps from the costliest to the cheapest. The same work gives the same choice.

    Args:
        work: the utterances to encode.
        limit: how many different ones are chosen; utterances of the same content count once.
    """
    ordered = sort_by_cost(work)
    count = min(limit, len(ordered))
    return [ordered[(2 * index + 1) * len(ordered) // (2 * count)] for index in range(count)]


def estimate_whole(
    results: Sequence[PartResult], done: Sequence[Work], rest: Sequence[Work], workers: int, total: int, missing: int
) -> TrialEstimate:
    """Estimate the whole extraction.

    Args:
        results: the encoded parts of the trial.
        done: the utterances that the trial encoded; none that failed.
        rest: the utterances that are missing after it.
        workers: that encode at once.
        total: utterances of the store.
        missing: utterances that are missing, with those of equal content.
    """
    if not done:
        return TrialEstimate(total, missing, workers)
    speed = sum(one.cost for one in done) / max(sum(result.seconds for result in results), 1e-9)  # of one worker
    seconds = sum(one.cost for one in sort_by_cost(rest)) / max(speed, 1e-9) / workers
    worker_bytes = max(result.memory for result in results)
    return TrialEstimate(total, missing, workers, seconds, _estimate_bytes(results, done, rest, total), worker_bytes)


def _estimate_bytes(results: Sequence[PartResult], done: Sequence[Work], rest: Sequence[Work], total: int) -> int:
    sizes = _measure_columns(results)
    frames = sizes.pop(schema.VALUES, 0)
    mean_length = _mean_seconds([*done, *rest]) / _mean_seconds(done) if _mean_seconds(done) else 1.0
    return round((sum(sizes.values()) + frames * mean_length) * total / len(done))


def _measure_columns(results: Sequence[PartResult]) -> dict[str, int]:
    """Measure the bytes of each dataset in all parts together."""
    sizes: dict[str, int] = {}
    for result in results:
        file = FeatureFile(result.path)
        for name in file.names:
            sizes[name] = sizes.get(name, 0) + file[name].nbytes
        file.release()
    return sizes


def _mean_seconds(work: Sequence[Work]) -> float:
    return sum(one.seconds for one in work) / len(work) if work else 0.0

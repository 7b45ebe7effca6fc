"""The workers of an extraction: each takes a part, decodes, encodes and writes it; joblib hands the parts out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from featurestore import encoders, plan
from featurestore.encoders import Encoded, Encoder, Identity
from featurestore.errors import Unavailable, Unencodable
from featurestore.parts import RETRY, Failure, write_part
from featurestore.plan import Part, Work
from featurestore.schema import Header

_loaded: dict[tuple[str, str], Encoder] = {}


def run(
    parts: Sequence[Part],
    identity: Identity,
    kinds: frozenset[str],
    header: Header,
    folder: Path,
    jobs: int,
    device: str,
) -> Iterator[tuple[int, list[Failure]]]:
    """Encodes parts in worker processes and yields, as each is on disk, its size and its failures that may pass.

    Raises:
        Unavailable: a worker died; every part that was finished is on disk.
    """
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import BrokenProcessPool

    tasks = (delayed(encode_part)(part, identity, kinds, header, folder / f"{part.name}.h5", device) for part in parts)
    with parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
        try:
            yield from Parallel(return_as="generator_unordered")(tasks)
        except BrokenProcessPool:
            raise Unavailable(
                "a worker process died, most likely for want of memory; what was finished is kept",
                do="run the same command again: it continues; --jobs 1 needs the least memory",
            ) from None


def encode_part(
    part: Part, identity: Identity, kinds: frozenset[str], header: Header, path: Path, device: str
) -> tuple[int, list[Failure]]:
    """Encodes one part and writes it; an utterance that fails is recorded with its reason, the others go on."""
    with _one_thread():
        encoder = _load(identity, device)
        done, failed = _encode(encoder, part.work, kinds)
    final = [failure for failure in failed if failure.key != RETRY]
    work = [part.work[position] for position in done]
    write_part(
        path,
        [item.item.id for item in work],
        [item.key for item in work],
        list(done.values()),
        final,
        header,
    )
    return len(part.work), [failure for failure in failed if failure.key == RETRY]


def _encode(encoder: Encoder, work: Sequence[Work], kinds: frozenset[str]) -> tuple[dict[int, Encoded], list[Failure]]:
    """Encoded utterances by position, and failures; one with the key RETRY was not the utterance's own fault."""
    failed: list[Failure] = []
    loaded: dict[int, Any] = {}
    for position, item in enumerate(work):
        with _recorded(item, failed):
            loaded[position] = encoder.load(item.item)
    positions = list(loaded)
    done: dict[int, Encoded] = {}
    for batch in plan.batches([encoder.size(loaded[position]) for position in positions], encoder.budget):
        members = [positions[index] for index in batch]
        try:
            done |= zip(members, encoder.encode([loaded[position] for position in members], kinds), strict=True)
        except Exception:
            # One bad utterance must not take its batch with it: each is tried alone, and fails for itself.
            for position in members:
                with _recorded(work[position], failed):
                    done[position] = encoder.encode([loaded[position]], kinds)[0]
    return done, failed


@contextmanager
def _recorded(item: Work, failed: list[Failure]) -> Iterator[None]:
    try:
        yield
    except Unencodable as reason:
        failed.append(Failure(item.item.id, item.key, reason.what))
    except Exception as error:
        # Anything may go wrong in a foreign network on one clip of ten thousand, at night; it is listed, not hidden.
        text = " ".join(str(error).split())[:300]
        failed.append(Failure(item.item.id, RETRY, f"{type(error).__name__}: {text}"))


def _load(identity: Identity, device: str) -> Encoder:
    key = (identity.fingerprint(), device)
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = encoders.load(identity, device)
    return _loaded[key]


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for the block: several in one process wait for each other on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""Check whether a store is intact, complete, fresh and reproducible; everything that is wrong is told.

Nothing is changed, unless a repair is asked for.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.errors import Mismatch, Problem
from featurestore.extraction import cache_key, freshness
from featurestore.inspection.re_encode import compare
from featurestore.manifest import Utterance
from featurestore.networks.identity import fingerprint
from featurestore.spec import EncoderSpec
from featurestore.storage import repair as repairing
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile, OpenForWriting, repair_command
from featurestore.storage.lock import locked
from featurestore.store import Store

_SHOWN = 5  # ids that a line lists
_BLOCK = 1 << 24  # bytes that are looked at at a time


@dataclass
class Verified:
    """What was found.

    Args:
        store: its folder.
        problems: what is wrong.
        notes: what is worth knowing, or could not be checked.
        checked: one line for each file that was looked at.
        unchecked: files that another program has, or had, open for writing: nothing can be said of them until then.
    """

    store: Path
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    @property
    def is_intact(self) -> bool:
        """Whether every file was checked and nothing is wrong."""
        return not self.problems and not self.unchecked

    def to_json(self) -> dict[str, Any]:
        """The findings for a program."""
        found = {"problems": self.problems, "notes": self.notes, "checked": self.checked, "unchecked": self.unchecked}
        return {"store": str(self.store), "intact": self.is_intact, **found}

    def summary(self) -> str:
        """The findings for a person."""
        lines = [*self.checked, *(f"note: {note}" for note in self.notes)]
        lines += [f"not checked: {reason}" for reason in self.unchecked]
        lines += [f"WRONG: {problem}" for problem in self.problems]
        count = len(self.problems)
        state = f"{count} problem{'s' * (count > 1)}" if count else "nothing is wrong"
        if self.unchecked:
            state = f"{f'{state}, ' if count else ''}{len(self.unchecked)} not checked"
        return "\n".join([*lines, f"{self.store}: {state}"])


def verify(path: Path, *, repair: bool = False, sample: int = 0, seed: int = 0) -> Verified:
    """Check every digest of every finished file, that every utterance is accounted for, and that values are finite.

    Args:
        path: the store.
        repair: first put right what other programs did to a file (left it open for writing, added an attribute, changed
            its layout), where the digests prove every dataset whole.
        sample: so many utterances of each file are encoded again and compared, to 1e-4 of the vector's norm.
        seed: of their choice.

    Raises:
        NotFound: there is no store.
        Unavailable: the store is locked by an extraction, or cannot be written to, and a repair is asked for.
    """
    store, found = Store(path), Verified(path)
    if repair:
        _repair(store, found)
    utterances = _manifest(store, found)
    if utterances is None:
        found.notes.append("without a manifest the feature files are checked against their own digests alone")
    for name in store.encoders():
        file = _opened(path / f"{name}.h5", found)
        if file is None:
            continue
        before = len(found.problems)
        found.problems += [f"{file.path.name}: {problem}" for problem in _within(file)]
        if utterances is not None:
            found.problems += [f"{file.path.name}: {problem}" for problem in _against(store, file, utterances, found)]
        if sample and utterances is not None and len(found.problems) == before:
            _sample(store, file, sample, seed, found)
        if len(found.problems) == before:
            found.checked.append(f"{file.path.name}: {len(file.ids)} utterances, {len(file.failed)} failed, intact")
    found.notes += _leftovers(path)
    return found


def _manifest(store: Store, found: Verified) -> Sequence[Utterance] | None:
    try:
        info, utterances = store.info, store.utterances
        lacking = [name for name in ("corpus", "root") if name not in info]
    except (Problem, ValueError) as problem:
        found.problems.append(str(problem))
        return None
    if lacking:
        found.problems.append(f"corpus.json lacks {', '.join(lacking)}; do: cli prepare again")
        return None
    counts = dict(Counter(row.label for row in utterances))
    for name, now in (("utterances", len(utterances)), ("counts", counts)):
        if name in info and info[name] != now:
            found.problems.append(f"corpus.json says {name} {info[name]}, utterances.csv has {now}")
    found.checked.append(f"utterances.csv: {len(utterances)} utterances of {store.corpus}")
    return utterances


def _repair(store: Store, found: Verified) -> None:
    with locked(store.path, work="extraction"):
        for name in store.encoders():
            path = store.path / f"{name}.h5"
            try:
                done = repairing.repair(path) or repairing.seal_again(path)
            except Problem as problem:
                found.notes.append(f"{path.name}: not repaired: {problem}")
                continue
            found.notes += [done] if done else []


def _opened(path: Path, found: Verified) -> FeatureFile | None:
    try:
        return FeatureFile(path)
    except OpenForWriting as problem:
        found.unchecked.append(str(problem))
        return None
    except Problem as problem:
        found.problems.append(str(problem))
        return None


def _within(file: FeatureFile) -> Iterator[str]:
    """What is wrong with a file by itself."""
    yield from (f"dataset {name} is damaged: its digest differs" for name in file.damaged())
    if not file.sealed:
        yield (
            "has no seal: whether its attributes were changed cannot be told; where every digest is right, this writes "
            f"it anew with one: {repair_command(file.path)}"
        )
    if fingerprint(file.header.encoder) != file.header.fingerprint:
        yield "its fingerprint is not that of the encoder that it describes"
    rows = len(file[schema.ID])
    for name in (*schema.ROWS, schema.KEY):
        if name in file and len(file[name]) != rows:
            yield f"{name} has {len(file[name])} rows, id has {rows}"
    if schema.VALUES in file and not _is_partition(file[schema.OFFSETS], rows, len(file[schema.VALUES])):
        yield "frames/offset does not divide frames/value among the utterances"
    for name in (*schema.ROWS, schema.VALUES):
        bad = _not_finite(file, name) if name in file else []
        if bad:
            yield f"{name} has NaN or infinite values in {len(bad)} rows, row {bad[0]} first"


def _is_partition(offsets: np.ndarray, rows: int, total: int) -> bool:
    ordered = bool((np.diff(offsets) >= 0).all())
    return len(offsets) == rows + 1 and ordered and int(offsets[0]) == 0 and int(offsets[-1]) == total


def _not_finite(file: FeatureFile, name: str) -> list[int]:
    values = file[name]
    step = max(1, _BLOCK // max(1, values[:1].nbytes))
    found: list[int] = []
    for start in range(0, len(values), step):
        block = file.read(name, start, min(start + step, len(values)))
        finite = np.isfinite(block.reshape(len(block), -1)).all(axis=1)
        found += (start + np.flatnonzero(~finite)).tolist()
    return found


def _against(store: Store, file: FeatureFile, utterances: Sequence[Utterance], found: Verified) -> Iterator[str]:
    """What does not fit between a file and the manifest and corpus of today."""
    again = f"do: {file.again}"
    if file.header.manifest != store.manifest_digest:
        yield f"was made from another manifest than utterances.csv; {again}"
    if file.header.corpus != store.corpus:
        yield f"holds corpus {file.header.corpus!r}, the store is of {store.corpus!r}"
    ids = [row.id for row in utterances]
    times = Counter(file.ids) + Counter(file.text(schema.FAILED_ID))
    yield from _listed("utterances of the manifest are neither in /id nor in /failed", set(ids) - set(times), again)
    yield from _listed("utterances are not in the manifest", set(times) - set(ids), again)
    yield from _listed("utterances stand more than once", {name for name, count in times.items() if count > 1}, again)
    place = {name: index for index, name in enumerate(ids)}
    order = [place[name] for name in file.ids if name in place]
    if order != sorted(order):
        yield f"its rows are not in manifest order; {again}"
    if store.root.is_dir() or file.header.modality == "text":
        now = cache_key.compute_keys(store, file.header.fingerprint, file.header.modality)
        stale = {name for name, key in zip(file.ids, file.keys(), strict=True) if now.get(name) != key}
        what = "text" if file.header.modality == "text" else "audio"
        yield from _listed(f"vectors are stale: the {what} has changed or is gone", stale & set(now), again)
    else:
        found.notes.append(f"{file.path.name}: {store.root} is not there, so clips were not compared with the vectors")


def _listed(what: str, ids: set[str], do: str) -> list[str]:
    shown = ", ".join(sorted(ids)[:_SHOWN]) + (" …" if len(ids) > _SHOWN else "")
    return [f"{len(ids)} {what}: {shown}; {do}"] if ids else []


def _sample(store: Store, file: FeatureFile, count: int, seed: int, found: Verified) -> None:
    chosen = random.Random(seed).sample(sorted(file.ids), min(count, len(file.ids)))
    try:
        differing, largest = compare(store, file, _unchanged_encoder(file), chosen)
    except Problem as problem:
        found.notes.append(f"{file.path.name}: no utterance could be encoded again: {problem}")
        return
    found.problems += [f"{file.path.name}: {line}" for line in differing]
    if not differing:
        found.checked.append(
            f"{file.path.name}: {len(chosen)} utterances encoded again are the same (largest difference {largest:.1e})"
        )


def _unchanged_encoder(file: FeatureFile) -> EncoderSpec:
    source = freshness.find_source(file)
    if source.unknown or source.changes:
        raise Mismatch(source.unknown or f"its encoder has changed: {'; '.join(source.changes)}")
    return source.spec


def _leftovers(path: Path) -> list[str]:
    """What an extraction that is under way, or was stopped, has left."""
    parts = [f"{folder.name} holds {len(list(folder.glob('[!.]*.h5')))} parts" for folder in path.glob("*.parts")]
    temporary = [file.relative_to(path).as_posix() for file in path.rglob(".*.tmp")]
    lines = [f"{line} of an extraction that is under way or was stopped" for line in sorted(parts)]
    return lines + [f"{name} was left by a write that was stopped; it can be deleted" for name in sorted(temporary)]

"""Verify that a store is intact, complete, fresh and reproducible, and report every problem.

Nothing is changed unless a repair is requested.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from featurestore.errors import Mismatch, Problem, format_count
from featurestore.extraction import freshness
from featurestore.inspection.file_checks import check_against_store, check_content, has_inputs
from featurestore.inspection.re_encode import compare
from featurestore.inspection.shard_checks import check_index, find_unused
from featurestore.manifest import Utterance
from featurestore.networks.precision import BOUNDS
from featurestore.shards.sharded_store import ShardedStore
from featurestore.spec import EncoderSpec, is_imported
from featurestore.storage import repair as repairing
from featurestore.storage.damage import OpenForWriting
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.lock import lock_folder
from featurestore.store import CORPUS, Store


@dataclass
class Verification:
    """Result of a verification.

    Args:
        store: its folder.
        problems: what is wrong.
        notes: what is worth knowing, or could not be checked.
        checked: one line for each intact file.
        unchecked: files that another program has, or left, open for writing, and that cannot be checked.
    """

    store: Path
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    @property
    def is_intact(self) -> bool:
        """Whether every file was checked and no problem was found."""
        return not self.problems and not self.unchecked

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        found = {"problems": self.problems, "notes": self.notes, "checked": self.checked, "unchecked": self.unchecked}
        return {"store": str(self.store), "intact": self.is_intact, **found}

    def summary(self) -> str:
        """Format the result as text."""
        lines = [*self.checked, *(f"note: {note}" for note in self.notes)]
        lines += [f"not checked: {reason}" for reason in self.unchecked]
        lines += [f"WRONG: {problem}" for problem in self.problems]
        count = len(self.problems)
        state = f"{count} problem{'s' * (count > 1)}" if count else "no problems"
        if self.unchecked:
            state = f"{f'{state}, ' if count else ''}{len(self.unchecked)} not checked"
        return "\n".join([*lines, f"{self.store}: {state}"])


def verify(path: Path, *, repair: bool = False, sample: int = 0, seed: int = 0) -> Verification:
    """Verify that every checksum matches, every utterance is accounted for, and every value is finite.

    Args:
        path: the store.
        repair: first repair files that other programs changed (left open for writing, added an attribute, changed the
            layout), if the checksum of every dataset matches.
        sample: number of utterances of each file to encode again and compare, to 1e-4 of the vector's norm, or to what
            `precision.BOUNDS` allows where they were computed in half precision.
        seed: of the choice of these utterances.

    Raises:
        NotFound: there is no store.
        Unavailable: a repair is requested, and the store is locked by an extraction or not writable.
    """
    store, found = Store(path), Verification(path)
    if isinstance(store, ShardedStore):
        return _verify_shards(store, repair=repair, sample=sample, seed=seed)
    if repair:
        _repair(store, found)
    utterances = _check_manifest(store, found)
    if utterances is None:
        found.notes.append("without a manifest, the feature files are checked only against their own checksums")
    for place in store.list_files():
        file = _open(path / place, found)
        if file is None:
            continue
        before = len(found.problems)
        _check_file(store, file, utterances, found)
        can_sample = not is_imported(file.header.encoder)
        if sample and can_sample and utterances is not None and len(found.problems) == before:
            _check_sample(store, file, sample, seed, found)
        if len(found.problems) == before:
            encoded = format_count(len(file.ids), "utterance")
            found.checked.append(f"{file.place}: {encoded}, {len(file.failed)} failed, intact")
    found.notes += _find_leftovers(store)
    return found


def _verify_shards(store: ShardedStore, **options: Any) -> Verification:
    """Verify the index of a store that is cut into shards, and each shard as a store of its own."""
    found = Verification(store.path, check_index(store), find_unused(store))
    for one in store.index.shards:
        if not (store.path / one.name / CORPUS).is_file():
            found.problems.append(f"{one.name}: there is no {CORPUS}; run cli prepare or cli shard again")
            continue
        inner = verify(store.path / one.name, **options)
        for name in ("problems", "notes", "checked", "unchecked"):
            getattr(found, name).extend(f"{one.name}: {line}" for line in getattr(inner, name))
    return found


def _repair(store: Store, found: Verification) -> None:
    with lock_folder(store.path, work="extraction"):
        for place in store.list_files():
            path = store.path / place
            try:
                done = repairing.repair(path) or repairing.seal_again(path)
            except Problem as problem:
                found.notes.append(f"{place}: not repaired: {problem}")
                continue
            found.notes += [done] if done else []


def _check_manifest(store: Store, found: Verification) -> Sequence[Utterance] | None:
    try:
        info, utterances = store.info, store.utterances
    except (Problem, ValueError) as problem:
        found.problems.append(str(problem))
        return None
    counts = dict(Counter(row.label for row in utterances))
    for name, now in (("utterances", len(utterances)), ("counts", counts)):
        if name in info and info[name] != now:
            found.problems.append(f"corpus.json says {name} {info[name]}, utterances.csv has {now}")
    found.checked.append(f"utterances.csv: {format_count(len(utterances), 'utterance')} of {store.corpus}")
    return utterances


def _open(path: Path, found: Verification) -> FeatureFile | None:
    try:
        return FeatureFile(path)
    except OpenForWriting as problem:
        found.unchecked.append(str(problem))
        return None
    except Problem as problem:
        found.problems.append(str(problem))
        return None


def _check_file(store: Store, file: FeatureFile, utterances: Sequence[Utterance] | None, found: Verification) -> None:
    found.problems += [f"{file.place}: {problem}" for problem in check_content(file)]
    if utterances is None:
        return
    found.problems += [f"{file.place}: {problem}" for problem in check_against_store(store, file, utterances)]
    if is_imported(file.header.encoder):
        found.notes.append(
            f"{file.place}: imported, so no vector can be made again here; to import its file again: "
            f"{file.update_command}"
        )
    if not has_inputs(store, file):
        found.notes.append(
            f"{file.place}: the corpus folder {store.root} does not exist, so clips were not compared with vectors"
        )


def _check_sample(store: Store, file: FeatureFile, count: int, seed: int, found: Verification) -> None:
    chosen = random.Random(seed).sample(sorted(file.ids), min(count, len(file.ids)))
    try:
        spec = _load_spec(file)
        differing, largest = compare(store, file, spec, chosen)
    except Problem as problem:
        found.notes.append(f"{file.place}: no utterance could be encoded again: {problem}")
        return
    found.problems += [f"{file.place}: {line}" for line in differing]
    if not differing:
        equal = f"within {BOUNDS[spec.precision]:g} of float32" if spec.precision in BOUNDS else "equal"
        found.checked.append(
            f"{file.place}: {format_count(len(chosen), 'utterance')} encoded again, {equal} "
            f"(largest difference {largest:.1e})"
        )


def _load_spec(file: FeatureFile) -> EncoderSpec:
    """Return the encoder of a file, or raise Mismatch if it has changed or is not available."""
    source = freshness.find_source(file)
    if source.unknown or source.changes:
        raise Mismatch(source.unknown or f"its encoder has changed: {'; '.join(source.changes)}")
    return source.spec


def _find_leftovers(store: Store) -> list[str]:
    """Describe the files of an extraction that is running or was stopped."""
    path = store.path
    counts = {folder.name: len(list(folder.glob("[!.]*.h5"))) for folder in store.list_parts()}
    parts = [f"{name} holds {format_count(count, 'part')}" for name, count in counts.items()]
    temporary = [file.relative_to(path).as_posix() for file in path.rglob(".*.tmp")]
    lines = [f"{line} of an extraction that is running or was stopped" for line in sorted(parts)]
    return lines + [f"{name} was left by a write that was stopped; it can be deleted" for name in sorted(temporary)]

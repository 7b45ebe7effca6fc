"""Check one feature file: by itself, and against the manifest and corpus of its store."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from featurestore.errors import Problem, format_count
from featurestore.extraction import cache_key, freshness
from featurestore.manifest import Utterance
from featurestore.networks.identity import fingerprint
from featurestore.recognized_words import open_words
from featurestore.spec import read_context
from featurestore.storage import schema
from featurestore.storage.damage import repair_command
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store

_SHOWN = 5  # ids that a line lists
_BLOCK = 1 << 24  # bytes checked at a time


def check_content(file: FeatureFile) -> Iterator[str]:
    """Yield the problems of a file by itself: checksums, seal, fingerprint, numbers of rows, and values."""
    for name in file.find_damaged():
        yield (
            f"dataset {name} is damaged: its checksum differs; do: restore a backup copy of the file, or move it away "
            f"and run: {file.update_command}"
        )
    if not file.sealed:
        yield (
            "has no seal, so its attributes may have been changed; if every checksum matches, this rewrites it with a "
            f"seal: {repair_command(file.path)}"
        )
    if fingerprint(file.header.encoder) != file.header.fingerprint:
        yield "its fingerprint does not match the encoder that it describes"
    rows = len(file[schema.ID])
    for name in (*schema.ROWS, schema.KEY):
        if name in file and len(file[name]) != rows:
            yield f"{name} has {format_count(len(file[name]), 'row')}, id has {rows}"
    for values, offsets in schema.RAGGED.values():
        if values in file and not _is_partition(file[offsets], rows, len(file[values])):
            yield f"{offsets} does not divide {values} among the utterances"
    for name in (*schema.ROWS, *(values for values, _ in schema.RAGGED.values())):
        bad = _find_not_finite(file, name) if name in file else []
        if bad:
            yield f"{name} has NaN or infinite values in {format_count(len(bad), 'row')}, row {bad[0]} first"


def check_against_store(store: Store, file: FeatureFile, utterances: Sequence[Utterance]) -> Iterator[str]:
    """Yield the differences between a file and the present manifest and corpus of its store."""
    again = f"do: {file.update_command}"
    if file.header.manifest != store.manifest_digest:
        yield f"was made from another manifest than utterances.csv; {again}"
    if file.header.corpus != store.corpus:
        yield f"holds corpus {file.header.corpus!r}, the store holds {store.corpus!r}"
    ids = [row.id for row in utterances]
    counts = Counter(file.ids) + Counter(file.text(schema.FAILED_ID))
    duplicates = {utterance_id for utterance_id, count in counts.items() if count > 1}
    yield from _format_ids("of the manifest, neither in /id nor in /failed", set(ids) - set(counts), again)
    yield from _format_ids("not in the manifest", set(counts) - set(ids), again)
    yield from _format_ids("more than once in /id and /failed", duplicates, again)
    place = {utterance_id: index for index, utterance_id in enumerate(ids)}
    order = [place[utterance_id] for utterance_id in file.ids if utterance_id in place]
    if order != sorted(order):
        yield f"its rows are not in manifest order; {again}"
    if has_inputs(store, file):
        yield from _check_keys(store, file)


def has_inputs(store: Store, file: FeatureFile) -> bool:
    """Tell whether the inputs of a file's encoder are there: the texts of the manifest, or the folder of the clips."""
    return store.root.is_dir() or file.header.modality == "text"


def _check_keys(store: Store, file: FeatureFile) -> Iterator[str]:
    header, again = file.header, f"do: {freshness.update_content(file)}"
    context, long_clips = read_context(header.encoder), header.encoder.get("long_clips")
    try:
        words = open_words(store, header.encoder)
        keys = cache_key.compute_keys(words, header.fingerprint, header.modality, context, long_clips)
    except Problem as problem:
        yield f"the {freshness.name_origin(file)} of its utterances is unknown: {problem.what}; do: {problem.do}"
        return
    stored = zip(file.ids, file.keys(), strict=True)
    stale = {utterance_id for utterance_id, key in stored if keys.get(utterance_id) != key}
    what = freshness.name_input(file).replace("its", "the")
    yield from _format_ids(f"with a stale vector ({what} has changed or is missing)", stale & set(keys), again)


def _is_partition(offsets: np.ndarray, rows: int, total: int) -> bool:
    is_ascending = bool((np.diff(offsets) >= 0).all())
    return len(offsets) == rows + 1 and is_ascending and int(offsets[0]) == 0 and int(offsets[-1]) == total


def _find_not_finite(file: FeatureFile, name: str) -> list[int]:
    values = file[name]
    step = max(1, _BLOCK // max(1, values[:1].nbytes))
    found: list[int] = []
    for start in range(0, len(values), step):
        block = file.read(name, start, min(start + step, len(values)))
        is_finite = np.isfinite(block.reshape(len(block), -1)).all(axis=1)
        found += (start + np.flatnonzero(~is_finite)).tolist()
    return found


def _format_ids(what: str, ids: set[str], do: str) -> list[str]:
    shown = ", ".join(sorted(ids)[:_SHOWN]) + (" …" if len(ids) > _SHOWN else "")
    return [f"{format_count(len(ids), 'utterance')} {what}: {shown}; {do}"] if ids else []

"""Import features that another program made into a store, as an ordinary feature file."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.errors import Mismatch, format_count
from featurestore.exposure import TrainedUtterance, note_unknown_exposure
from featurestore.extraction import cache_key
from featurestore.extraction.clip_digests import Trust
from featurestore.extraction.header import build_header
from featurestore.extraction.join import build_trained_columns
from featurestore.extraction.part_file import Failure, build_failure_columns, pack_digests
from featurestore.importing._write_table import check_width, choose_dtype, write_table
from featurestore.importing.feature_table import FeatureTable
from featurestore.importing.import_request import KINDS, ImportRequest
from featurestore.importing.match_ids import IdMatch, list_some, match_ids
from featurestore.importing.open_table import open_table
from featurestore.item import Item
from featurestore.networks.identity import Identity, fingerprint
from featurestore.progress import Say
from featurestore.shards.sharded_store import refuse_shards
from featurestore.spec import check_list, is_imported
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.feature_writer import encode_text
from featurestore.storage.lock import lock_folder
from featurestore.store import Store

_ITEMS = 4096  # utterances whose inputs are hashed at a time


@dataclass(frozen=True)
class ImportedFeatures:
    """Outcome of an import.

    Args:
        path: the feature file.
        features: what is in it, such as `audio.mean`.
        imported: number of utterances with features.
        missing: utterances of the store without features, each with the reason.
        unknown: ids of the imported file that the store has not; empty if nothing was done.
        unchanged: whether the feature file was up to date, so that nothing was done.
        exposure: a note that it is unknown whom the encoder saw; empty where that was stated.
    """

    path: Path
    features: tuple[str, ...]
    imported: int
    missing: Mapping[str, str]
    unknown: tuple[str, ...]
    unchanged: bool
    exposure: str

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as plain JSON values."""
        answer = dataclasses.asdict(self) | {"path": str(self.path), "features": list(self.features)}
        return {"file" if name == "path" else name: value for name, value in answer.items()}

    def summary(self) -> str:
        """Return the outcome as lines for a terminal."""
        state = "is up to date with the file, nothing was done" if self.unchanged else "written"
        counts = f"{format_count(self.imported, 'utterance')} imported, {len(self.missing):,} of the store missing"
        unknown = "" if self.unchanged else f", {format_count(len(self.unknown), 'id')} not in the store"
        lines = [f"{self.path} {state}: {', '.join(self.features)}", f"  {counts}{unknown}"]
        lines += [f"  {self.exposure}; --trained-on FILE states it"] if self.exposure else []
        return "\n".join(lines)


def import_features(
    file: str | Path,
    *,
    name: str,
    store: str | Path = "features/demo",
    modality: str | None = None,
    kind: str | None = None,
    array: str | None = None,
    ids: str | Path | None = None,
    id_column: str | None = None,
    classes: Sequence[str] = (),
    trained_on: str | Path | None = None,
    paranoid: bool = False,
    say: Say = lambda line: None,
) -> ImportedFeatures:
    """Import features from a file of another program, aligned by utterance id.

    The file may be `.npy` (with `ids`), `.npz`, `.csv`, `.tsv`, `.parquet`, `.h5`, or a pickle of MMSA-FET, of
    IEMOCAP, or of a dictionary by id. Pickles are read without running code. Importing the same file again does
    nothing; a changed one replaces the feature file in one step.

    Args:
        file: the features.
        name: of the feature file, and of its features: `NAME.KIND`.
        store: a prepared store.
        modality: `audio` or `text`, of the input of the encoder that made the features; by default told by `name`,
            `array` or the kind `functionals`.
        kind: `mean`, `functionals`, `logits`, `cls`, `frames`, …; by default `frames` where rows differ in length, else
            `mean`.
        array: which array or column of lists holds the features, where there are several.
        ids: file with the id of each row, one a line or a JSON list.
        id_column: name of the column or array of ids.
        classes: of logits, in the order of the columns.
        trained_on: file with the ids of the utterances that the encoder was trained on; an empty file states that it
            saw none. Without it that is unknown, and said with every figure.
        paranoid: read the bytes of every clip; by default only of those that may have changed since the last run, by
            their size, times or inode.
        say: receives lines for the user.

    Raises:
        BadValue: an argument or the file is invalid, or it holds values that are not finite.
        NotFound: there is no store or no file.
        Mismatch: no id of the file is in the store, or the feature file is of an extraction or damaged.
        Unavailable: the store is locked, or a package is not installed.

    Example:
        >>> from featurestore import import_features
        >>> import_features("emotion2vec.npz", name="emotion2vec", modality="audio")  # doctest: +SKIP
    """
    given = ImportRequest(
        Path(file),
        name,
        modality,
        kind,
        array,
        None if ids is None else Path(ids),
        id_column,
        list(check_list(classes, "classes")),
        None if trained_on is None else Path(trained_on),
    )
    opened = Store(store)
    refuse_shards(opened, name)
    with lock_folder(opened.path):
        return _Importer(opened, given, Trust(opened.path, paranoid, say)).run()


class _Importer:
    """Import of one file into one store."""

    def __init__(self, store: Store, given: ImportRequest, trust: Trust) -> None:
        self.store, self.given, self.say, self._trust = store, given, trust.say, trust
        self.path = store.path / f"{given.name}.h5"
        self._before = os.stat(given.file)
        description = given.describe()
        self.identity = Identity(given.name, given.modality, description, KINDS, given.classes)

    def run(self) -> ImportedFeatures:
        """Import the file, unless the feature file is up to date."""
        before = self._open_existing()
        keys = cache_key.compute_keys(
            self.store, self.identity.fingerprint(), self.identity.modality, trust=self._trust
        )
        if before and self._is_current(before, keys):
            return self._report(before, (), unchanged=True)
        with open_table(self.given.file, self.given.options) as table:
            for line in table.notes:
                self.say(line)
            match = match_ids(self.given.file, table.ids, self.store.utterances)
            for line in match.notes:
                self.say(line)
            self._write(table, match, keys)
        return self._report(FeatureFile(self.path), match.unknown, unchanged=False)

    def _open_existing(self) -> FeatureFile | None:
        """Open the feature file of this name. Say what changed, and refuse to replace one of an extraction."""
        if not self.path.is_file():
            return None
        file = FeatureFile(self.path)
        stored, now = file.header.encoder, self.identity.description
        if not is_imported(stored):
            raise Mismatch(
                f"{self.path} holds features that cli extract made",
                got=f"encoder {stored['class']}",
                do="import under another name: --name NAME",
            )
        if stored["sha256"] != now["sha256"]:
            same = stored["checkpoint"] == now["checkpoint"]
            what = "has changed since the last import" if same else f"replaces {stored['checkpoint']}"
            digests = f"sha256 {stored['sha256'][:12]} -> {now['sha256'][:12]}"
            self.say(f"{self.path}: {self.given.file} {what} ({digests}); importing it")
        elif fingerprint(stored) != self.identity.fingerprint():
            self.say(f"{self.path}: other options than at the last import; importing {self.given.file} again")
        return file

    def _is_current(self, file: FeatureFile, keys: Mapping[str, str]) -> bool:
        """Tell whether the feature file is what this import would write. Say what has changed in the store."""
        if fingerprint(file.header.encoder) != self.identity.fingerprint():
            return False
        changed = [one for one, key in zip(file.ids, file.keys(), strict=True) if keys.get(one) not in (None, key)]
        if changed:
            self.say(
                f"{self.path}: the {self.identity.modality} of {format_count(len(changed), 'utterance')} has changed "
                f"since the last import, and {self.given.file} has not: {list_some(changed)}; check that its features "
                "are of the present corpus"
            )
        return not changed and file.header.manifest == self.store.manifest_digest

    def _write(self, table: FeatureTable, match: IdMatch, keys: Mapping[str, str]) -> None:
        check_width(self.given.file, table, self._name_classes(table))
        utterances = self.store.utterances
        has_frames = np.ones(len(table.ids), bool) if table.lengths is None else table.lengths > 0
        rows = np.flatnonzero((match.places >= 0) & has_frames)
        rows = rows[np.argsort(match.places[rows], kind="stable")]  # manifest order
        ids = [utterances.ids[place] for place in match.places[rows]]
        reasons = dict.fromkeys(match.missing, f"not in {self.given.file.name}")
        empty = np.flatnonzero((match.places >= 0) & ~has_frames)
        reasons |= {utterances.ids[match.places[row]]: f"no frames in {self.given.file.name}" for row in empty}
        failures = [Failure(row.id, keys[row.id], reasons[row.id]) for row in utterances if row.id in reasons]
        contents = self._hash_contents()
        fixed = {
            schema.ID: encode_text(ids),
            schema.KEY: pack_digests([keys[one] for one in ids]),
            schema.CONTENT: pack_digests([contents[one] for one in ids]),
            **build_trained_columns(self._list_trained(contents)),
            **build_failure_columns(failures),
        }
        dtype = choose_dtype(table.kind, table.dtype)
        if table.dtype not in (dtype, np.float32):
            self.say(f"{self.given.file.name}: {table.dtype} values are stored as {dtype}")
        header = self._build_header(table)
        write_table(self.path, self.given.file, table, rows.tolist(), fixed, header, dtype, self._check_unchanged)

    def _name_classes(self, table: FeatureTable) -> tuple[str, ...]:
        """Return the classes of logits: those given, else the names of the columns."""
        return (self.given.classes or table.columns) if table.kind == "logits" else ()

    def _build_header(self, table: FeatureTable) -> schema.Header:
        created = datetime.now(UTC).isoformat(timespec="seconds")
        header = build_header(self.store, self.identity, manifest=self.store.manifest_digest, created=created)
        own = {name: version for name, version in header.versions.items() if name in ("emofuse", "numpy", "h5py")}
        return dataclasses.replace(header, classes=self._name_classes(table), versions=own)

    def _hash_contents(self) -> dict[str, str]:
        """Return the sha256 of each utterance's input, by which the guard against leakage recognizes it."""
        items = [self.store.item(row) for row in self.store.utterances]
        found: list[str] = []
        for start in range(0, len(items), _ITEMS):  # a few at a time: each is a task in memory
            found += self._hash_items(items[start : start + _ITEMS])
        return {item.id: digest for item, digest in zip(items, found, strict=True)}

    def _hash_items(self, items: Sequence[Item]) -> list[str]:
        if self.identity.modality == "audio" and not any(item.audio for item in items):
            return [""] * len(items)
        return cache_key.hash_inputs(items, self.identity.modality)

    def _list_trained(self, contents: Mapping[str, str]) -> list[TrainedUtterance]:
        """List the utterances that the encoder was trained on, with their content where they are in the store."""
        stated = list(dict.fromkeys(self.given.trained_on or ()))
        if not stated:
            return []
        source = self.given.lists["trained_on"]
        places = match_ids(Path(str(source)), stated, self.store.utterances, required=False).places
        known = {one: self.store.utterances.ids[place] for one, place in zip(stated, places, strict=True) if place >= 0}
        self.say(f"{source}: {len(stated):,} utterances that the encoder saw, {len(known):,} of them in this store")
        trained = [self._describe_trained(known.get(one, one), one in known, contents) for one in stated]
        return sorted(set(trained))

    def _describe_trained(self, utterance_id: str, is_here: bool, contents: Mapping[str, str]) -> TrainedUtterance:
        if not is_here:
            return TrainedUtterance(utterance_id)
        clip = self.store.clip_digest(utterance_id) if self.identity.modality == "text" else ""
        origin = self.store.made_up.get(utterance_id, "")
        return TrainedUtterance(utterance_id, contents[utterance_id], clip, origin)

    def _check_unchanged(self) -> None:
        """Check that nothing wrote to the file while it was read, so that its digest is that of the features."""
        now = os.stat(self.given.file)
        if (now.st_mtime_ns, now.st_size) != (self._before.st_mtime_ns, self._before.st_size):
            raise Mismatch(
                f"{self.given.file} changed while it was read",
                do="import it again when it is complete; nothing was changed",
            )

    def _report(self, file: FeatureFile, unknown: Sequence[str], *, unchanged: bool) -> ImportedFeatures:
        features = tuple(f"{file.header.name}.{kind}" for kind in file.kinds)
        note = note_unknown_exposure(file.header.name, file.header.encoder)
        return ImportedFeatures(self.path, features, len(file.ids), dict(file.failed), tuple(unknown), unchanged, note)

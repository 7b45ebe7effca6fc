"""Extraction: frozen features of every utterance, each encoded once, resumed where it stopped, joined into one file."""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from featurestore import content, plan, schema, worker
from featurestore.encoders import OPTIONAL, Identity, Item, identify
from featurestore.errors import BadValue, Mismatch, Problem
from featurestore.featurefile import FeatureFile
from featurestore.join import join
from featurestore.lock import locked
from featurestore.manifest import Utterance
from featurestore.parts import Failure, Known, keys
from featurestore.plan import Work
from featurestore.progress import Progress
from featurestore.schema import Header
from featurestore.spec import EncoderSpec
from featurestore.store import Store

Say = Callable[[str], None]

SHOWN = 20  # failures listed on a terminal


@dataclass(frozen=True)
class Extracted:
    """What one extraction did.

    Args:
        path: the finished file.
        encoded: utterances that were encoded now.
        reused: utterances whose vectors were there already.
        failed: utterances that could not be encoded, and why.
    """

    path: Path
    encoded: int
    reused: int
    failed: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """The outcome for a program."""
        return {"file": str(self.path), "encoded": self.encoded, "reused": self.reused, "failed": dict(self.failed)}

    def summary(self) -> str:
        """The outcome for a person; failures are listed, the first of many in full."""
        total = self.encoded + self.reused
        counts = f"{self.encoded} encoded now, {self.reused} reused, {len(self.failed)} failed"
        lines = [f"{self.path}: {total} utterances, {counts}"]
        lines += [f"  {name}: {reason}" for name, reason in list(self.failed.items())[:SHOWN]]
        if len(self.failed) > SHOWN:
            lines.append(f"  … and {len(self.failed) - SHOWN} more: cli inspect {self.path} --json")
        return "\n".join(lines)


def extract(
    store: Store, spec: EncoderSpec, *, optional: Iterable[str] = (), jobs: int = 0, device: str = "", say: Say = print
) -> Extracted:
    """Encodes every utterance of a store and writes `<name>.h5`; what is there already is reused.

    Args:
        store: a prepared store.
        spec: which encoder.
        optional: `frames` and `layers`, where wanted; what the file has once it keeps.
        jobs: worker processes of one thread each; 0 means one per core on a CPU, one on a GPU.
        device: `cpu`, `cuda`, …; empty means the GPU where there is one.
        say: receives lines for the user.

    Raises:
        Unavailable: the store is locked by another extraction, or a worker died.
        Mismatch: no utterance at all could be encoded.
    """
    identity = identify(spec)
    with locked(store.path):
        return _Extraction(store, identity, frozenset(optional), say).run(jobs, device)


class _Extraction:
    def __init__(self, store: Store, identity: Identity, optional: frozenset[str], say: Say) -> None:
        self.store, self.identity, self.say = store, identity, say
        self.fingerprint = identity.fingerprint()
        self.path = store.path / f"{identity.name}.h5"
        self.folder = store.path / f"{identity.name}.parts"
        before = _readable(self.path)
        self.kinds = self._kinds(optional, before)
        self._tell_changes(before)

    def run(self, jobs: int, device: str) -> Extracted:
        """Finds what is missing, encodes it, joins everything."""
        items = [self._item(utterance) for utterance in self.store.utterances]
        contents = content.digests(items, self.identity.modality)
        id_keys = {item.id: content.key(self.fingerprint, part) for item, part in zip(items, contents, strict=True)}
        known = self._known()
        missing = [item for item in items if id_keys[item.id] not in known]
        if not missing and self._is_current(id_keys):
            shutil.rmtree(self.folder, ignore_errors=True)
            return self._result(0, FeatureFile(self.path))
        retry = self._encode(missing, id_keys, jobs, device) if missing else []
        return self._join(id_keys, retry, len(missing))

    def _encode(self, missing: Sequence[Item], id_keys: Mapping[str, str], jobs: int, device: str) -> list[Failure]:
        """Encodes what is missing, part by part; returns the failures that the next run tries again."""
        device = device or (_best_device() if self.identity.checkpoint else "cpu")
        jobs = jobs or (_cores() if device == "cpu" else 1)
        parts = plan.parts(self._work(missing, id_keys), self.identity.modality, jobs)
        self._clear_leftovers()
        retry: list[Failure] = []
        with Progress(self.identity.name, len(id_keys), done=len(id_keys) - len(missing)) as progress:
            for count, failed in worker.run(
                parts, self.identity, self.kinds, self._header(), self.folder, jobs, device
            ):
                progress.advance(count)
                retry += failed
        return retry

    def _work(self, missing: Sequence[Item], id_keys: Mapping[str, str]) -> list[Work]:
        durations = {utterance.id: utterance.duration or 0.0 for utterance in self.store.utterances}
        audio = self.identity.modality == "audio"
        return [
            Work(item, id_keys[item.id], durations[item.id] if audio else float(len(item.text))) for item in missing
        ]

    def _clear_leftovers(self) -> None:
        """Removes what a killed run had half written; finished parts stay."""
        self.folder.mkdir(exist_ok=True)
        for leftover in [*self.folder.glob(".*.tmp"), *self.store.path.glob(f".{self.path.name}.*.tmp")]:
            leftover.unlink()

    def _join(self, id_keys: Mapping[str, str], retry: Sequence[Failure], encoded: int) -> Extracted:
        known = self._known()
        if not any(key in known.where for key in id_keys.values()):
            raise self._nothing_encoded(known, retry)
        header = self._header(
            manifest=self.store.manifest_digest, created=datetime.now(UTC).isoformat(timespec="seconds")
        )
        join(self.path, id_keys, known, retry, self.identity.trained_on, header)
        shutil.rmtree(self.folder, ignore_errors=True)
        return self._result(encoded, FeatureFile(self.path))

    def _known(self) -> Known:
        files = [*sorted(self.folder.glob("[!.]*.h5")), *([self.path] if self.path.is_file() else [])]
        return Known(files, self.fingerprint, self.kinds)

    def _kinds(self, optional: frozenset[str], before: FeatureFile | None) -> frozenset[str]:
        unknown = sorted(optional - set(self.identity.kinds))
        if unknown:
            raise BadValue(
                f"encoder {self.identity.name} has no {', '.join(unknown)}", expected=", ".join(self.identity.kinds)
            )
        kept = {kind for kind in OPTIONAL if before and kind in before.kinds and kind in self.identity.kinds}
        return frozenset(self.identity.kinds) - set(OPTIONAL) | optional | kept

    def _tell_changes(self, before: FeatureFile | None) -> None:
        if before is None:
            if self.path.is_file():
                self.say(f"{self.path} cannot be read; it is made anew")
        elif before.header.fingerprint != self.fingerprint:
            changed = _differences(before.header.encoder, self.identity.description)
            self.say(f"{self.path} was made by another encoder; it is made anew ({'; '.join(changed)})")
            self.say(
                f"  to keep both, give the new one a name: --encoder NAME={self.identity.description['checkpoint']}"
            )

    def _is_current(self, id_keys: Mapping[str, str]) -> bool:
        """Whether the finished file already is what this extraction would write."""
        file = _readable(self.path)
        if file is None or file.header.fingerprint != self.fingerprint or not self.kinds <= set(file.kinds):
            return False
        found = list(zip(file.ids, keys(file, schema.KEY), strict=True))
        failed = dict(zip(file.failed, keys(file, schema.FAILED_KEY), strict=True))
        expected = [(name, key) for name, key in id_keys.items() if name not in failed]
        return (
            file.header.manifest == self.store.manifest_digest
            and found == expected
            and all(id_keys.get(name) == key for name, key in failed.items())
        )

    def _item(self, utterance: Utterance) -> Item:
        return Item(utterance.id, self.store.root / utterance.audio if utterance.audio else None, utterance.text)

    def _header(self, manifest: str = "", created: str = "") -> Header:
        return Header(
            name=self.identity.name,
            modality=self.identity.modality,
            encoder=self.identity.description,
            fingerprint=self.fingerprint,
            classes=self.identity.classes,
            corpus=self.store.corpus,
            trained_corpus=self.identity.trained_corpus,
            manifest=manifest,
            versions=_versions(),
            created=created,
        )

    def _result(self, encoded: int, file: FeatureFile) -> Extracted:
        total = len(self.store.utterances)
        if len(file.ids) + len(file.failed) != total:
            raise Mismatch(
                f"{self.path} does not account for every utterance", expected=str(total), got=str(len(file.ids))
            )
        return Extracted(self.path, encoded, total - encoded, file.failed)

    def _nothing_encoded(self, known: Known, retry: Sequence[Failure]) -> Mismatch:
        reasons = [failure.reason for failure in (*known.failures.values(), *retry)]
        commonest = max(set(reasons), key=reasons.count) if reasons else "the manifest is empty"
        return Mismatch(
            f"{self.identity.name}: none of {len(self.store.utterances)} utterances could be encoded",
            got=f"{reasons.count(commonest)} times: {commonest}",
            do=f"check {self.store.root}, then: cli prepare {self.store.corpus} ROOT --store {self.store.path}",
        )


def _readable(path: Path) -> FeatureFile | None:
    try:
        return FeatureFile(path)
    except Problem:
        return None


def _differences(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """What changed between two encoders, one `name: before -> after` each."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [f"{name}: {_short(before.get(name))} -> {_short(after.get(name))}" for name in names]


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"


def _versions() -> dict[str, str]:
    found = {}
    for package in ("emofuse", "torch", "transformers", "numpy", "h5py", "soundfile", "soxr"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _best_device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _cores() -> int:
    from joblib import cpu_count

    return int(cpu_count())

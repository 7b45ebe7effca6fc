"""Extraction: frozen features of every utterance, each encoded once, resumed where it stopped, joined into one file."""

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.encoders import identify
from featurestore.engines import Engine
from featurestore.errors import BadValue, Mismatch, quoted
from featurestore.extraction import cache_key, freshness, join, plan, worker
from featurestore.extraction.parts import Failure, Known
from featurestore.extraction.plan import Part, Work
from featurestore.extraction.worker import Task
from featurestore.manifest import Utterance
from featurestore.networks.identity import OPTIONAL, Identity
from featurestore.networks.limits import Limits
from featurestore.preparation.corpus_json import prepare_command
from featurestore.progress import Progress
from featurestore.spec import EncoderSpec, asked_for
from featurestore.storage import repair, schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.lock import locked
from featurestore.storage.schema import Header
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
        total = self.encoded + self.reused + len(self.failed)
        counts = f"{self.encoded} encoded now, {self.reused} reused, {len(self.failed)} failed"
        lines = [f"{self.path}: {total} utterances, {counts}"]
        lines += [f"  {name}: {reason}" for name, reason in list(self.failed.items())[:SHOWN]]
        if len(self.failed) > SHOWN:
            lines.append(f"  … and {len(self.failed) - SHOWN} more: cli inspect {quoted(self.path)} --json")
        return "\n".join(lines)


def extract(
    store: Store,
    encoder: EncoderSpec | Identity,
    *,
    optional: Iterable[str] = (),
    jobs: int = 0,
    device: str = "",
    max_seconds: float | None = None,
    engine: str = "loky",
    scheduler: str = "",
    say: Say = print,
) -> Extracted:
    """Encodes every utterance of a store and writes `<name>.h5`; what is there already is reused.

    Args:
        store: a prepared store; for a cluster, on storage that every worker shares.
        encoder: which one; identified already, or yet to be.
        optional: `frames` and `layers`, where wanted; what the file has once it keeps.
        jobs: worker processes of one thread each; 0 means one per core on a CPU, one on a GPU.
        device: `cpu`, `cuda`, …; empty means the GPU where there is one.
        max_seconds: a longer clip fails, until it is encoded without this limit.
        engine: `loky` (processes here), `dask` or `ray`.
        scheduler: of a running dask cluster, `tcp://host:port`.
        say: receives lines for the user.

    Raises:
        BadValue: the encoder lacks an optional kind.
        Unavailable: the store is locked by another extraction, the finished file is open for writing in another
            program, a worker died, or the engine is not there.
        Mismatch: no utterance at all could be encoded; or the finished file is damaged: it is not encoded anew unasked.
    """
    identity = encoder if isinstance(encoder, Identity) else identify(encoder)
    where = Engine(engine, jobs, scheduler, device if identity.checkpoint else "cpu")
    with locked(store.path):
        return _Extraction(store, identity, frozenset(optional), say).run(where, max_seconds)


def check_kinds(identity: Identity, optional: Iterable[str]) -> None:
    """Raises BadValue where an encoder cannot give what is asked for beyond the usual."""
    unknown = sorted(set(optional) - set(identity.kinds))
    if unknown:
        raise BadValue(
            f"encoder {identity.name} has no {', '.join(unknown)}",
            expected=", ".join(identity.kinds),
            do=f"extract it by a command of its own, without {' '.join(f'--{kind}' for kind in unknown)}",
        )


class _Extraction:
    def __init__(self, store: Store, identity: Identity, optional: frozenset[str], say: Say) -> None:
        self.store, self.identity, self.say = store, identity, say
        self.fingerprint = identity.fingerprint()
        folder = store.path.resolve()  # a worker may run in another folder
        self.path = store.path / f"{identity.name}.h5"
        self.folder = folder / f"{identity.name}.parts"
        if self.path.is_file() and (done := repair.repair(self.path)):
            self.say(done)
        before = self._finished()
        self.kinds = self._kinds(optional, before)
        self._tell_changes(before)

    def run(self, engine: Engine, max_seconds: float | None) -> Extracted:
        """Finds what is missing, encodes it, joins everything."""
        id_keys = cache_key.keys(self.store, self.identity)
        known = self._known()
        for path, why in known.aside.items():
            if path.parent == self.folder:
                self.say(f"{path} cannot be used, so its utterances are encoded again: {why}")
        missing = [utterance for utterance in self.store.utterances if id_keys[utterance.id] not in known]
        retry: list[Failure] = []
        if missing:
            self._check_whole(known)
            retry = self._encode(missing, id_keys, engine, max_seconds)
            known = self._known()
        failures = join.failures(id_keys, known, retry)
        if not self._is_current(id_keys, failures):
            if not missing:
                self._check_whole(known)
            self._join(id_keys, known, failures)
        shutil.rmtree(self.folder, ignore_errors=True)
        failed = {failure.id: failure.reason for failure in failures}
        encoded = sum(utterance.id not in failed for utterance in missing)
        return Extracted(self.path, encoded, len(id_keys) - len(failed) - encoded, failed)

    def _encode(
        self, missing: Sequence[Utterance], id_keys: Mapping[str, str], engine: Engine, max_seconds: float | None
    ) -> list[Failure]:
        """Encodes what is missing, part by part; returns the failures that the next run tries again."""
        self._clear_leftovers()
        retry: list[Failure] = []
        header = self._header()
        times = Counter(id_keys[utterance.id] for utterance in missing)  # equal content is encoded once
        with Progress(self.identity.name, len(id_keys), done=len(id_keys) - len(missing)) as progress:
            for phase in plan.phases(self._work(missing, id_keys), self.identity, engine):
                limits = Limits(max_seconds, phase.memory)
                sizes = {self._part(part): sum(times[work.key] for work in part.work) for part in phase.parts}
                tasks = (
                    Task(part, self.identity, self.kinds, header, self._part(part), phase.engine.device, limits)
                    for part in phase.parts
                )
                if not phase.parts:
                    continue
                with closing(worker.run(tasks, phase.engine, self.say)) as parts:  # its workers end with it
                    for done in parts:
                        progress.advance(sizes[done.path])
                        retry += done.retry
        return retry

    def _part(self, part: Part) -> Path:
        return self.folder / f"{part.name}.h5"

    def _work(self, missing: Sequence[Utterance], id_keys: Mapping[str, str]) -> list[Work]:
        audio = self.identity.modality == "audio"
        return [
            Work(
                self.store.item(utterance),
                id_keys[utterance.id],
                (utterance.duration or 0.0) if audio else float(len(utterance.text)),
            )
            for utterance in missing
        ]

    def _clear_leftovers(self) -> None:
        """Removes what a killed run had half written; finished parts stay."""
        self.folder.mkdir(exist_ok=True)
        for leftover in [*self.folder.glob(".*.tmp"), *self.store.path.glob(f".{self.path.name}.*.tmp")]:
            leftover.unlink()

    def _join(self, id_keys: Mapping[str, str], known: Known, failures: Sequence[Failure]) -> None:
        if len(failures) == len(id_keys):
            raise self._nothing_encoded(failures)
        header = self._header(
            manifest=self.store.manifest_digest, created=datetime.now(UTC).isoformat(timespec="seconds")
        )
        contents = self._contents(id_keys, known)
        join.join(self.path, id_keys, known, failures, self.identity.trained_on, contents, header)
        file = FeatureFile(self.path)
        if "layers" in file and file["layers"].dtype != np.float16:
            self.say(f"{self.path}: layers are kept as float32: float16 would change some of them by more than 0.1 %")

    def _contents(self, id_keys: Mapping[str, str], known: Known) -> dict[str, str]:
        """Give the sha256 of each vector's content; of vectors that an older version made it is computed now."""
        found = {name: known.content(key) for name, key in id_keys.items() if key in known.where}
        wanting = [row for row in self.store.utterances if found.get(row.id) == ""]
        digests = cache_key.decoded([self.store.item(row) for row in wanting], self.identity.modality)
        return found | {row.id: digest for row, digest in zip(wanting, digests, strict=True)}

    def _finished(self) -> FeatureFile | None:
        """The finished file; one that cannot be read ends the extraction, and is never encoded anew unasked."""
        return FeatureFile(self.path) if self.path.is_file() else None

    def _check_whole(self, known: Known) -> None:
        """Prove every reused value of the finished file by its digest, before it goes into a new file."""
        for file in known.files:
            if file.path == self.path:
                repair.check_whole(file)

    def _known(self) -> Known:
        self._finished()  # it may have been opened elsewhere, or changed, while this extraction was under way
        files = [*sorted(self.folder.glob("[!.]*.h5")), *([self.path] if self.path.is_file() else [])]
        return Known(files, self.fingerprint, self.kinds)

    def _kinds(self, optional: frozenset[str], before: FeatureFile | None) -> frozenset[str]:
        check_kinds(self.identity, optional)
        kept = {kind for kind in OPTIONAL if before and kind in before.kinds and kind in self.identity.kinds}
        return frozenset(self.identity.kinds) - set(OPTIONAL) | optional | kept

    def _tell_changes(self, before: FeatureFile | None) -> None:
        if before is None:
            return
        if before.header.fingerprint != self.fingerprint:
            changed = freshness.differences(before.header.encoder, self.identity.description)
            self.say(f"{self.path} was made by another encoder; it is made anew ({'; '.join(changed)})")
            again = asked_for(self.identity.description)
            self.say(f"  to keep both, give the new one a name: --encoder NAME={again}")
        elif changed := freshness.training_changes(before, self.identity):
            self.say(f"{self.path}: {changed[0]}; recorded anew")

    def _is_current(self, id_keys: Mapping[str, str], failures: Sequence[Failure]) -> bool:
        """Whether the finished file already is what this extraction would write."""
        file = self._finished()
        if file is None or file.header.fingerprint != self.fingerprint or not self.kinds <= set(file.kinds):
            return False
        failed = {failure.id: failure.reason for failure in failures}
        expected = [(name, key) for name, key in id_keys.items() if name not in failed]
        return (
            file.header.manifest == self.store.manifest_digest
            and schema.CONTENT in file  # older versions did not record it
            and not freshness.training_changes(file, self.identity)
            and list(zip(file.ids, file.keys(), strict=True)) == expected
            and file.failed == failed
            and file.keys(schema.FAILED_KEY) == [failure.key for failure in failures]
        )

    def _header(self, manifest: str = "", created: str = "") -> Header:
        return Header(
            name=self.identity.name,
            modality=self.identity.modality,
            encoder=self.identity.description,
            fingerprint=self.fingerprint,
            classes=self.identity.classes,
            corpus=self.store.corpus,
            manifest=manifest,
            versions=_versions(),
            created=created,
        )

    def _nothing_encoded(self, failures: Sequence[Failure]) -> Mismatch:
        reasons = [failure.reason for failure in failures]
        commonest = max(set(reasons), key=reasons.count) if reasons else "the manifest is empty"
        return Mismatch(
            f"{self.identity.name}: none of {len(self.store.utterances)} utterances could be encoded",
            got=f"{reasons.count(commonest)} times: {commonest}",
            do=_advice(commonest) or f"check {self.store.root}, then: {prepare_command(self.store)}",
        )


def _versions() -> dict[str, str]:
    found = {}
    for package in ("emofuse", "torch", "transformers", "numpy", "h5py", "soundfile", "soxr"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _advice(reason: str) -> str:
    """Say what to do where every utterance failed for its length, or the network on all of them; else empty."""
    if re.search("(takes|take|reads) at most|too short for one frame", reason):
        return "take an encoder for utterances of this length, or cut them: start and end in a table say where"
    if re.match(r"[A-Za-z]+(Error|Exception): ", reason):
        return "the network or this machine fails, not the corpus: try one utterance with transformers alone"
    return ""

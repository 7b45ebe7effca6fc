"""Extract frozen features with one encoder: reuse known vectors, encode the rest in parts, join all into one file."""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.encoder_inputs import list_inputs
from featurestore.encoders import identify
from featurestore.engines import Engine
from featurestore.errors import BadValue, quote
from featurestore.extraction import cache_key, finished_file, freshness, join, partition, worker
from featurestore.extraction.clip_digests import Trust
from featurestore.extraction.header import build_header
from featurestore.extraction.part_file import Failure
from featurestore.extraction.partition import Part, Phase, Work
from featurestore.extraction.total_failure import build_total_failure
from featurestore.extraction.trial import TrialEstimate, check_limit, choose_trial, estimate_whole
from featurestore.extraction.vector_index import VectorIndex
from featurestore.extraction.worker import PartResult, PartTask
from featurestore.manifest import Utterance, keep_ids
from featurestore.networks.encoding_cost import read_encoding_cost
from featurestore.networks.identity import OPTIONAL, Identity, continue_description
from featurestore.networks.limits import Limits
from featurestore.progress import Progress, Say
from featurestore.recognized_words import open_words
from featurestore.shards.sharded_store import refuse_shards
from featurestore.spec import EncoderSpec
from featurestore.storage import repair
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.lock import lock_folder
from featurestore.store import Store

SHOWN = 20  # failures that a summary lists


@dataclass(frozen=True)
class Extraction:
    """Outcome of one extraction.

    Args:
        path: the finished file.
        encoded: number of utterances that were encoded now.
        reused: number of utterances whose vectors were on disk already.
        failed: by utterance id, why it could not be encoded.
        trial: estimate for the whole, of a trial run that left utterances out; the finished file is as it was before,
            or does not exist.
    """

    path: Path
    encoded: int
    reused: int
    failed: Mapping[str, str]
    trial: TrialEstimate | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as plain JSON values. Only a trial run has `complete` and `estimate`."""
        counts = {"file": str(self.path), "encoded": self.encoded, "reused": self.reused, "failed": dict(self.failed)}
        return counts if self.trial is None else {**counts, "complete": False, "estimate": self.trial.to_json()}

    def summary(self) -> str:
        """Return the outcome as lines for a terminal, with the first of many failures."""
        total = self.encoded + self.reused + len(self.failed)
        counts = f"{self.encoded} encoded now, {self.reused} reused, {len(self.failed)} failed"
        lines = [f"{self.path}: {total} utterances, {counts}"]
        if self.trial:
            lines = [f"{self.path}: trial run, the file is not complete and was not written; {counts}"]
            lines += [f"  {line}" for line in self.trial.lines()]
        lines += [f"  {utterance_id}: {reason}" for utterance_id, reason in list(self.failed.items())[:SHOWN]]
        if len(self.failed) > SHOWN:
            lines.append(f"  … and {len(self.failed) - SHOWN} more: cli inspect {quote(self.path)} --json")
        return "\n".join(lines)


def extract_encoder(
    store: Store,
    encoder: EncoderSpec | Identity,
    *,
    optional: Iterable[str] = (),
    jobs: int = 0,
    device: str = "",
    max_seconds: float | None = None,
    engine: str = "loky",
    scheduler: str = "",
    limit: int | None = None,
    paranoid: bool = False,
    say: Say = print,
) -> Extraction:
    """Encode every utterance of a store with one encoder, and write `<name>.h5`.

    Vectors that are on disk already are reused, also those of an extraction that was stopped.

    Args:
        store: a prepared store; for a cluster, on storage that every worker shares.
        encoder: the encoder, as a spec or as an identity.
        optional: kinds to store beyond the usual, `frames` and `layers`; those that the file has are kept.
        jobs: worker processes of one thread each; 0 means one per core on a CPU, one on a GPU.
        device: `cpu`, `cuda`, …; empty means the GPU if there is one.
        max_seconds: a longer clip fails, and is tried again by the next run.
        engine: `loky` (processes on this machine), `dask` or `ray`.
        scheduler: address of a running dask cluster, `tcp://host:port`.
        limit: encode at most this many of the missing utterances, from the cheapest to the costliest, as a trial run.
            The next run reuses what is encoded, and goes on with others. The finished file is written only if nothing
            is missing any more.
        paranoid: read the bytes of every clip, also of those that have not changed by their size, times and inode.
        say: receives lines for the user.

    Raises:
        BadValue: the encoder lacks an optional kind, or a limit is below 1.
        Unavailable: another extraction has locked the store, another program has the finished file open for writing,
            a worker died, or the engine is not available.
        Mismatch: no utterance could be encoded, or the finished file is damaged or holds imported features. Such a
            file is never replaced.
    """
    check_limit(limit)
    identity = encoder if isinstance(encoder, Identity) else identify(encoder)
    refuse_shards(store, identity.name)
    where = Engine(engine, jobs, scheduler, device if identity.checkpoint else "cpu")
    with lock_folder(store.path):
        trust = Trust(store.path, paranoid, say)
        return _Extractor(store, identity, frozenset(optional), say).run(where, max_seconds, limit, trust)


def check_kinds(identity: Identity, optional: Iterable[str]) -> None:
    """Check that an encoder can give the optional kinds.

    Raises:
        BadValue: it lacks one.
    """
    unknown = sorted(set(optional) - set(identity.kinds))
    if unknown:
        raise BadValue(
            f"encoder {identity.name} has no {', '.join(unknown)}",
            expected=", ".join(identity.kinds),
            do=f"extract it in a separate command, without {' '.join(f'--{kind}' for kind in unknown)}",
        )


class _Extractor:
    """Extraction of one encoder into one store."""

    def __init__(self, store: Store, identity: Identity, optional: frozenset[str], say: Say) -> None:
        check_kinds(identity, optional)
        self.store, self.say = open_words(store, identity.description), say
        self.path = store.path / identity.place
        # absolute: a worker may run in another folder
        self.folder = (store.path.resolve() / identity.place).with_suffix(".parts")
        if self.path.is_file() and (repaired := repair.repair(self.path)):
            self.say(repaired)
        file = self._open_file()
        if file:
            finished_file.check_replaceable(file, identity)
            identity = continue_description(identity, file.header.encoder)
        self.identity, self._digests = identity, dict[str, str]()
        for line in finished_file.describe_changes(file, identity) if file else ():
            self.say(line)
        usual = frozenset(identity.kinds) - set(OPTIONAL)
        self.kinds = usual | optional | finished_file.find_kept_kinds(file, identity)

    def run(self, engine: Engine, max_seconds: float | None, limit: int | None, trust: Trust) -> Extraction:
        """Find what is missing, encode it, and join everything into the finished file."""
        identity = self.identity
        freshness.check_transcript(self.store, identity.description, trust)
        long_clips = identity.description.get("long_clips")
        self._digests = cache_key.hash_store(self.store, identity.modality, identity.context, long_clips, trust)
        known = identity.fingerprint()
        id_keys = {row: cache_key.compute_key(known, digest) for row, digest in self._digests.items()}
        index = self._build_index()
        self._report_unusable(index)
        wanted = {one for one, key in id_keys.items() if key not in index}
        missing = self._list_work(keep_ids(self.store.utterances, wanted), id_keys)
        chosen = missing if limit is None else choose_trial(missing, limit)
        tried = {one.key for one in chosen}
        rest = [one for one in missing if one.key not in tried]
        if rest:
            return self._try_some(chosen, rest, id_keys, engine, max_seconds)
        retry: list[Failure] = []
        if missing:
            self._check_vectors(index)
            results, _ = self._encode(missing, id_keys, engine, max_seconds)
            retry = [failure for result in results for failure in result.retry]
            index = self._build_index()
        failures = join.collect_failures(id_keys, index, retry)
        if not self._is_current(id_keys, failures):
            if not missing:
                self._check_vectors(index)
            self._join(id_keys, index, failures)
        shutil.rmtree(self.folder, ignore_errors=True)
        failed = {failure.id: failure.reason for failure in failures}
        encoded = sum(one.item.id not in failed for one in missing)
        return Extraction(self.path, encoded, len(id_keys) - len(failed) - encoded, failed)

    def _try_some(
        self,
        chosen: Sequence[Work],
        rest: Sequence[Work],
        id_keys: Mapping[str, str],
        engine: Engine,
        max_seconds: float | None,
    ) -> Extraction:
        """Encode some of the missing utterances, keep them as parts, and estimate the whole."""
        keys = {one.key for one in chosen}
        seen = {utterance_id: key for utterance_id, key in id_keys.items() if key in keys}
        results, workers = self._encode(chosen, seen, engine, max_seconds)
        index = self._build_index()
        retry = [failure for result in results for failure in result.retry]
        failed = {failure.id: failure.reason for failure in join.collect_failures(seen, index, retry)}
        done = [one for one in chosen if one.key in index.rows]
        estimate = estimate_whole(results, done, rest, workers, len(id_keys), len(rest))
        return Extraction(self.path, len(seen) - len(failed), len(id_keys) - len(rest) - len(seen), failed, estimate)

    def _open_file(self) -> FeatureFile | None:
        """Open the finished file if there is one. A file that cannot be read raises, and is never replaced."""
        return FeatureFile(self.path) if self.path.is_file() else None

    def _build_index(self) -> VectorIndex:
        finished = [self.path] if self._open_file() else []  # raises if it was damaged or opened in the meantime
        parts = sorted(self.folder.glob("[!.]*.h5"))
        return VectorIndex([*parts, *finished], self.identity, self.kinds, set(self._digests.values()))

    def _report_unusable(self, index: VectorIndex) -> None:
        for path, why in index.skipped.items():
            if path.parent == self.folder:
                self.say(f"{path} cannot be used, so its utterances are encoded again: {why}")

    def _check_vectors(self, index: VectorIndex) -> None:
        """Check the digests of the finished file before its vectors go into a new file."""
        for file in index.files:
            if file.path == self.path:
                repair.check_whole(file)

    def _encode(
        self, work: Sequence[Work], id_keys: Mapping[str, str], engine: Engine, max_seconds: float | None
    ) -> tuple[list[PartResult], int]:
        """Encode utterances part by part, and return the parts and the number of workers that encoded them.

        Args:
            work: the utterances to encode.
            id_keys: the keys of all utterances that are wanted, for the progress.
            engine: where they are encoded.
            max_seconds: longer clips fail.
        """
        self._prepare_folder()
        encoded: list[PartResult] = []
        notes: list[str] = []
        workers = 1
        counts = Counter(key for key in id_keys.values())  # utterances of equal content are encoded once
        phases = partition.plan_phases(work, self.identity, engine, frames="frames" in self.kinds)
        with self._open_progress(phases, len(id_keys), counts) as progress:
            for phase in phases:
                if not phase.parts:
                    continue
                parts = {self._locate(part): part for part in phase.parts}
                tasks = self._create_tasks(phase, max_seconds)
                with closing(worker.encode_parts(tasks, phase.engine, self.say)) as results:  # ends its workers too
                    for result in results:
                        self._advance(progress, parts[result.path], counts)
                        encoded.append(result)
                        self._report_notes(result.notes, notes)
                workers = max(workers, phase.engine.jobs)
        return encoded, max(workers, len({result.worker for result in encoded}))

    def _open_progress(self, phases: Sequence[Phase], total: int, counts: Mapping[str, int]) -> Progress:
        work = [one for phase in phases for part in phase.parts for one in part.work]
        left, cost = sum(counts[one.key] for one in work), sum(one.cost for one in work)
        return Progress(self.identity.name, total, done=total - left, cost=cost, measure=self._choose_measure(work))

    def _choose_measure(self, work: Sequence[Work]) -> str:
        """Choose what the rate counts: a manifest without durations has no seconds of audio."""
        if self.identity.modality == "text":
            return "texts"
        return "s of audio" if all(one.seconds for one in work) else "clips"

    def _advance(self, progress: Progress, part: Part, counts: Mapping[str, int]) -> None:
        seconds, cost = sum(one.seconds for one in part.work), sum(one.cost for one in part.work)
        amount = seconds if progress.measure == "s of audio" else len(part.work)
        progress.advance(sum(counts[one.key] for one in part.work), cost=cost, amount=amount)

    def _report_notes(self, notes: Sequence[str], said: list[str]) -> None:
        """Report each note of the workers once, and add it to those that were."""
        for note in notes:
            if note not in said:
                said.append(note)
                self.say(f"{self.identity.name}: {note}")

    def _create_tasks(self, phase: Phase, max_seconds: float | None) -> Iterator[PartTask]:
        header, limits = build_header(self.store, self.identity), Limits(max_seconds, phase.memory)
        for part in phase.parts:
            path = self._locate(part)
            yield PartTask(part, self.identity, self.kinds, header, path, phase.engine.device, limits)

    def _locate(self, part: Part) -> Path:
        return self.folder / f"{part.name}.h5"

    def _list_work(self, missing: Sequence[Utterance], id_keys: Mapping[str, str]) -> list[Work]:
        if not missing:
            return []
        cost = read_encoding_cost(self.identity)
        items = list_inputs(self.store, self.identity.context, missing)
        if self.identity.modality == "text":
            texts = [" ".join((*item.context, item.text)) for item in items]
            return [
                Work(item, id_keys[item.id], cost.estimate_text(text)) for item, text in zip(items, texts, strict=True)
            ]
        return [
            Work(item, id_keys[item.id], cost.estimate_clip(row.duration), row.duration or 0.0)
            for row, item in zip(missing, items, strict=True)
        ]

    def _prepare_folder(self) -> None:
        """Create the folder of parts, and remove files that a killed run left half written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for leftover in [*self.folder.glob(".*.tmp"), *self.path.parent.glob(f".{self.path.name}.*.tmp")]:
            leftover.unlink()

    def _is_current(self, id_keys: Mapping[str, str], failures: Sequence[Failure]) -> bool:
        file, manifest = self._open_file(), self.store.manifest_digest
        return file is not None and finished_file.is_current(
            file, self.identity, self.kinds, manifest, id_keys, failures
        )

    def _join(self, id_keys: Mapping[str, str], index: VectorIndex, failures: Sequence[Failure]) -> None:
        if len(failures) == len(id_keys):
            raise build_total_failure(self.store, self.identity, failures)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        header = build_header(self.store, self.identity, manifest=self.store.manifest_digest, created=created)
        contents = self._find_contents(id_keys, index)
        join.join(self.path, id_keys, index, failures, self.identity.trained_on, contents, header)
        file = FeatureFile(self.path)
        if "layers" in file and file["layers"].dtype != np.float16:
            self.say(f"{self.path}: layers are kept as float32: float16 would change some of them by more than 0.1 %")

    def _find_contents(self, id_keys: Mapping[str, str], index: VectorIndex) -> dict[str, str]:
        """Return the sha256 of each vector's input, and compute those that an older version did not record."""
        recorded = ((utterance_id, key) for utterance_id, key in id_keys.items() if key in index.rows)
        contents = {utterance_id: index.find_content(key) for utterance_id, key in recorded}
        unrecorded = [row for row in self.store.utterances if contents.get(row.id) == ""]
        digests = cache_key.hash_inputs([self.store.item(row) for row in unrecorded], self.identity.modality)
        return contents | {row.id: digest for row, digest in zip(unrecorded, digests, strict=True)}

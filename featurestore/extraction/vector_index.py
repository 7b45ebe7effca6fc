"""Index the vectors and failures that are on disk already: in the finished file, and in parts of an extraction."""

from collections.abc import Collection, Sequence
from pathlib import Path

from featurestore.errors import Problem
from featurestore.extraction import cache_key
from featurestore.extraction.part_file import RETRY, Failure
from featurestore.networks.identity import Identity, fingerprint, list_changes
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile

# Versions that read no videos recorded this as final; such a file may be readable now.
_UNREAD = "; convert it: ffmpeg"


class VectorIndex:
    """Index of vectors and failures by key, over feature files of one encoder.

    Earlier versions knew the same encoder by another fingerprint. The keys of their files are translated.

    Args:
        paths: the finished file and the parts.
        identity: the encoder; files of another encoder are skipped.
        kinds: what every vector must have; files that lack one are skipped.
        digests: sha256 of what the encoder is given of each utterance, as `cache_key.hash_store` returns it.

    Attributes:
        files: the files that are used.
        skipped: the files that are not used, and why.
        rows: by key, the file's position in `files` and the vector's row in it.
        failures: by key, the failures that are final.
    """

    def __init__(
        self, paths: Sequence[Path], identity: Identity, kinds: frozenset[str], digests: Collection[str] = ()
    ) -> None:
        self.files: list[FeatureFile] = []
        self.skipped: dict[Path, str] = {}
        self.rows: dict[str, tuple[int, int]] = {}
        self.failures: dict[str, Failure] = {}
        self._identity, self._digests = identity, digests
        for path in paths:
            self._add(path, kinds)

    def __contains__(self, key: str) -> bool:
        return key in self.rows or key in self.failures

    def find_content(self, key: str) -> str:
        """Return the sha256 of the input that a vector was made from, or an empty text if it is not recorded."""
        file, row = self.rows[key]
        return self.files[file].read_content(row)

    def _add(self, path: Path, kinds: frozenset[str]) -> None:
        try:
            file = FeatureFile(path)
        except Problem as problem:
            self.skipped[path] = problem.what
            return
        missing = kinds - set(file.kinds)
        if not self._is_same_encoder(file.header):
            self.skipped[path] = "made by another encoder"
        elif len(file[schema.ID]) and missing:
            self.skipped[path] = f"made without {', '.join(sorted(missing))}"
        else:
            self._add_rows(file)
            self._add_failures(file)

    def _is_same_encoder(self, header: schema.Header) -> bool:
        if header.fingerprint == self._identity.fingerprint():
            return True
        is_intact = header.fingerprint == fingerprint(header.encoder)
        return is_intact and not list_changes(header.encoder, self._identity.description)

    def _translate(self, file: FeatureFile, keys: Sequence[str]) -> list[str]:
        """Return keys of a file as those of this encoder, and an empty text for those of no present utterance."""
        old, new = file.header.fingerprint, self._identity.fingerprint()
        if old == new:
            return list(keys)
        known = {cache_key.compute_key(old, one): cache_key.compute_key(new, one) for one in self._digests}
        return [known.get(key, "") for key in keys]

    def _add_rows(self, file: FeatureFile) -> None:
        self.files.append(file)
        for row, key in enumerate(self._translate(file, file.keys())):
            if key:
                self.rows[key] = (len(self.files) - 1, row)

    def _add_failures(self, file: FeatureFile) -> None:
        keys = self._translate(file, file.keys(schema.FAILED_KEY))
        ids, reasons = file.text(schema.FAILED_ID), file.text(schema.FAILED_REASON)
        for utterance_id, key, reason in zip(ids, keys, reasons, strict=True):
            if key not in ("", RETRY) and _UNREAD not in reason:
                self.failures[key] = Failure(utterance_id, key, reason)

"""What `cli folds` shows: how a protocol cuts a store, and the same as a file."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featurestore import labels as schemes
from featurestore.folds import fold as cutting
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance
from featurestore.storage.atomic import write_text
from featurestore.store import Store


@dataclass(frozen=True)
class Cuts:
    """The folds of a store with what they were cut by."""

    corpus: str
    manifest: str
    labels: str
    protocol: str
    seed: int
    folds: tuple[Fold, ...]
    classes: Mapping[str, str]
    speakers: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """All of it, every id included, with the digest of the folds."""
        names = ("corpus", "manifest", "labels", "protocol", "seed")
        return {name: getattr(self, name) for name in names} | cutting.to_json(self.folds)

    def table(self) -> str:
        """One line per part of each fold: utterances, speakers, classes."""
        lines = [f"protocol {self.protocol} on {self.corpus}, labels {self.labels}, seed {self.seed}"]
        for fold in self.folds:
            lines.append(f"fold {fold.name}")
            lines += [self._line(part, getattr(fold, part)) for part in ("train", "dev", "test", "unused")]
        return "\n".join([*filter(None, lines), f"digest {cutting.digest(self.folds)}"])

    def _line(self, part: str, ids: tuple[str, ...]) -> str:
        if not ids:
            return ""
        counts = sorted(Counter(self.classes[name] for name in ids).items())
        speakers = len({self.speakers[name] for name in ids if self.speakers[name]})
        by_class = ", ".join(f"{name} {count}" for name, count in counts)
        return f"  {part:<6} {len(ids):>6} utterances  {speakers:>3} speakers  {by_class}"


def cuts(
    store: Path, *, protocol: str, labels: str | None = None, seed: int = 0, dev: bool = False, out: Path | None = None
) -> Cuts:
    """Cuts a store by a protocol and writes the folds where `out` says.

    Raises:
        Problem: as `Store`, `labels.scheme` and `folds.cut` raise.
    """
    opened = Store(store)
    scheme = schemes.scheme(labels or schemes.default(opened.corpus))
    classes = scheme.apply(opened.utterances)
    folds = tuple(cutting.cut(protocol, opened.utterances, classes, seed, dev=dev))
    digest = opened.manifest_digest
    found = Cuts(opened.corpus, digest, scheme.name, protocol, seed, folds, classes, _speakers(opened.utterances))
    if out is not None:
        write_text(out, json.dumps(found.to_json(), indent=1, ensure_ascii=False) + "\n")
    return found


def _speakers(utterances: tuple[Utterance, ...]) -> dict[str, str]:
    return {row.id: row.speaker for row in utterances}

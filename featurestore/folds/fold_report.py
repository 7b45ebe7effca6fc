"""Report the folds of a store as text, as JSON, or as a file."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from featurestore import labels as schemes
from featurestore.folds import fold as splits
from featurestore.folds.fold import Fold
from featurestore.manifest import map_column
from featurestore.storage.atomic import write_text
from featurestore.store import Store


@dataclass(frozen=True)
class FoldReport:
    """The folds of a store, with the settings that produced them.

    Args:
        corpus: name of the corpus.
        manifest: sha256 of the manifest.
        labels: name of the label scheme.
        protocol: registry name of the protocol.
        seed: split seed.
        folds: the folds.
        classes: class by utterance id.
        speakers: speaker by utterance id; empty text where unknown.
    """

    corpus: str
    manifest: str
    labels: str
    protocol: str
    seed: int
    folds: tuple[Fold, ...] = field(repr=False)  # they name every utterance
    classes: Mapping[str, str] = field(repr=False)
    speakers: Mapping[str, str] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the settings, the folds with every id, and the digest of the folds."""
        names = ("corpus", "manifest", "labels", "protocol", "seed")
        return {name: getattr(self, name) for name in names} | splits.to_json(self.folds)

    def summary(self) -> str:
        """Return one line per part of each fold, with its number of utterances, speakers and classes."""
        lines = [f"protocol {self.protocol} on {self.corpus}, labels {self.labels}, seed {self.seed}"]
        for fold in self.folds:
            lines.append(f"fold {fold.name}")
            lines += [self._render_part(part, getattr(fold, part)) for part in ("train", "dev", "test", "unused")]
        return "\n".join([*filter(None, lines), f"digest {splits.digest(self.folds)}"])

    def _render_part(self, part: str, ids: tuple[str, ...]) -> str:
        if not ids:
            return ""
        counts = sorted(Counter(self.classes[utterance_id] for utterance_id in ids).items())
        speakers = len({self.speakers[utterance_id] for utterance_id in ids} - {""})
        by_class = ", ".join(f"{name} {count}" for name, count in counts)
        return f"  {part:<6} {len(ids):>6} utterances  {speakers:>3} speakers  {by_class}"


def report_folds(
    store: str | Path,
    *,
    protocol: str,
    labels: str | None = None,
    seed: int = 0,
    dev: bool = False,
    out: Path | None = None,
) -> FoldReport:
    """Split a store by a protocol and write the folds to `out`, if given.

    Args:
        store: folder of a prepared store.
        protocol: registry name of the protocol.
        labels: label scheme; None for the corpus's own.
        seed: split seed.
        dev: whether to split a dev part from training.
        out: file to write the folds to, as JSON.

    Raises:
        Problem: as `Store`, `labels.choose_scheme` and `folds.fold.split` raise.
    """
    opened = Store(store)
    scheme = schemes.choose_scheme(labels, opened.corpus, opened.utterances)
    classes = scheme.apply(opened.utterances)
    report = FoldReport(
        corpus=opened.corpus,
        manifest=opened.manifest_digest,
        labels=scheme.name,
        protocol=protocol,
        seed=seed,
        folds=tuple(splits.split(protocol, opened.utterances, classes, seed, dev=dev)),
        classes=classes,
        speakers=map_column(opened.utterances, "speaker"),
    )
    if out is not None:
        write_text(out, json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n")
    return report

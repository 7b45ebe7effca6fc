"""Describe what a public checkpoint was trained on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# How a checkpoint was trained on a corpus. Only labels tell a network the answer that a test asks for.
PRETRAINING, TRANSCRIPTS, LABELS = "pretraining", "speech recognition", "emotion labels"
SENTENCES, EVENTS = "sentence pairs", "sound events"
_PARTITIONS = ("train", "dev", "val", "test")  # beginnings of the names that tell what a partition is for
USES = (PRETRAINING, TRANSCRIPTS, LABELS, SENTENCES, EVENTS)


@dataclass(frozen=True)
class TrainingCorpus:
    """A corpus that a checkpoint was trained on.

    Args:
        corpus: its name in the registry if a reader exists (`msp-podcast`), else its usual name (`LibriSpeech`).
        use: one of `USES`.
        partitions: beginnings of the partitions that training and the choice of the epoch used, in lower case; empty
            for all of the corpus, or where the source does not say.
        release: of the corpus; empty where the source does not say.
        source: where this is stated, if not in the source of the card.
    """

    corpus: str
    use: str
    partitions: tuple[str, ...] = ()
    release: str = ""
    source: str = ""

    def covers(self, partition: str) -> bool:
        """Tell whether an utterance of this partition may be among them. One of an unknown partition may."""
        name = partition.lower()
        return not self.partitions or name.startswith(self.partitions) or not name.startswith(_PARTITIONS)

    def __str__(self) -> str:
        """Return the corpus with its use, its release and its partitions."""
        details = [f"release {self.release}"] if self.release else []
        details += [f"partitions {', '.join(self.partitions)}"] if self.partitions else []
        return f"{self.corpus} ({', '.join([self.use, *details])})"


@dataclass(frozen=True)
class CheckpointCard:
    """A public checkpoint, or several that were trained on the same corpora.

    Args:
        title: for the user.
        names: patterns of hub names as `fnmatch` reads them: `facebook/wav2vec2-base-960h`, `openai/whisper-*`. Case
            does not matter.
        training: the corpora that its publication names.
        licence: of the weights; empty where the source does not say.
        source: address of the model card or the publication.
        start: hub name of the checkpoint that its weights or labels come from; the corpora of that card count, too.
        note: what the source leaves open.
    """

    title: str
    names: tuple[str, ...]
    training: tuple[TrainingCorpus, ...]
    licence: str
    source: str
    start: str = ""
    note: str = ""

    def describe(self) -> str:
        """Return indented lines: the corpora by use, the start, the source and the note."""
        by_use: dict[str, list[str]] = {}
        for one in self.training:
            by_use.setdefault(one.use, []).append(one.corpus)
        lines = [f"{use}: {', '.join(corpora)}" for use, corpora in by_use.items()]
        named = (("starts from", self.start), ("source", self.source), ("note", self.note))
        return "\n".join(f"  {line}" for line in [*lines, *(f"{name}: {text}" for name, text in named if text)])

    def to_json(self) -> dict[str, object]:
        """Return the card as plain JSON."""
        training = [
            {"corpus": one.corpus, "use": one.use, "partitions": list(one.partitions), "release": one.release}
            | {"source": one.source or self.source}
            for one in self.training
        ]
        return {
            "title": self.title,
            "names": list(self.names),
            "training": training,
            "start": self.start,
            "licence": self.licence,
            "source": self.source,
            "note": self.note,
        }


def list_corpora(uses: Mapping[str, Iterable[str]], source: str = "") -> tuple[TrainingCorpus, ...]:
    """List whole corpora by their use, such as `{PRETRAINING: ["LibriSpeech"]}`, with the source that names them."""
    return tuple(TrainingCorpus(corpus, use, source=source) for use, names in uses.items() for corpus in names)

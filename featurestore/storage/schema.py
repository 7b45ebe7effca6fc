"""Define the layout of a feature file: its datasets, their shapes, and its attributes."""

from dataclasses import dataclass, field
from itertools import chain
from typing import Any

# Raise it when a reader of the old layout could misread a file of the new one.
VERSION = 1

# Datasets of one row per utterance. N utterances, D dimensions, C classes, L layers.
ROWS = {
    "mean": "(N, D) pooled over true frames",
    "std": "(N, D) pooled over true frames",
    "cls": "(N, D) first token",
    "logits": "(N, C) scores of the checkpoint's classifier",
    "layers": "(N, L+1, D) mean-pooled, every layer",
    "functionals": "(N, D) hand-made features",
}
VALUES, OFFSETS = "frames/value", "frames/offset"
# Kinds of another number of values for every utterance: the values of all of them, and where each begins (N+1,). T
# frames, B bytes, W words.
RAGGED = {
    "frames": (VALUES, OFFSETS),  # (sum T, D)
    "text": ("text/value", "text/offset"),  # (sum B,) recognized words in UTF-8, one space between two
    "confidence": ("confidence/value", "confidence/offset"),  # (sum W,) of each word, 0 to 1
    "times": ("times/value", "times/offset"),  # (sum W, 2) seconds from the start of the clip: begin and end of a word
}
TRANSCRIPTS = "transcripts"  # folder of a store with the files that hold text
# `key` is the cache key; `content` is the sha256 of the encoder's input: the decoded samples, or the words.
ID, KEY, CONTENT = "id", "key", "content"
FAILED_ID, FAILED_REASON, FAILED_KEY = "failed/id", "failed/reason", "failed/key"
# Utterances that the checkpoint was fine-tuned on: id, and three sha256 sums (zeros: none). `content` is that of the
# encoder's input, `clip` that of the decoded samples for a text encoder, `origin` that of the rows that a corpus reader
# made the id from.
TRAINED_ON, TRAINED_CONTENT = "trained_on/id", "trained_on/content"
TRAINED_CLIP, TRAINED_ORIGIN = "trained_on/clip", "trained_on/origin"
EVERY = (
    *(*ROWS, *chain.from_iterable(RAGGED.values())),
    *(ID, KEY, CONTENT, FAILED_ID, FAILED_REASON, FAILED_KEY),
    *(TRAINED_ON, TRAINED_CONTENT, TRAINED_CLIP, TRAINED_ORIGIN),
)


@dataclass(frozen=True)
class Header:
    """Attributes of a feature file: how its vectors were made.

    Args:
        name: of the file, and of its features (`<name>.<kind>`).
        modality: `audio` or `text`.
        encoder: class, checkpoint, revision, weights sha256, dtype, attention, pooling, rate, preprocessing.
        fingerprint: sha256 of everything about the encoder that determines a vector.
        classes: of the logits, in order.
        corpus: name of the utterances' corpus.
        manifest: sha256 of the manifest that the rows follow; empty in a part.
        versions: of the libraries that made it.
        created: ISO 8601, UTC.
        schema: version of the layout.
        digests: sha256 of each dataset's bytes.
    """

    name: str
    modality: str
    encoder: dict[str, Any]
    fingerprint: str
    classes: tuple[str, ...] = ()
    corpus: str = ""
    manifest: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    created: str = ""
    schema: int = VERSION
    digests: dict[str, str] = field(default_factory=dict)

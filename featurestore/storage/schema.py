"""The layout of a feature file, in one place: its datasets, their shapes, and its attributes."""

from dataclasses import dataclass, field
from typing import Any

# Raised whenever a reader of the old layout could misread a file of the new one.
VERSION = 1

# Datasets of one row per utterance; N utterances, D dimensions, C classes, L layers.
ROWS = {
    "mean": "(N, D) pooled over true frames",
    "std": "(N, D) pooled over true frames",
    "cls": "(N, D) first token",
    "logits": "(N, C) scores of the checkpoint's classifier",
    "layers": "(N, L+1, D) mean-pooled, every layer",
    "functionals": "(N, D) hand-made features",
}
VALUES, OFFSETS = "frames/value", "frames/offset"
# `content` is the sha256 of what the encoder was given: the decoded samples, or the words; `key` that of the file.
ID, KEY, CONTENT = "id", "key", "content"
FAILED_ID, FAILED_REASON, FAILED_KEY = "failed/id", "failed/reason", "failed/key"
# The utterances that the checkpoint was fine-tuned on: their ids, the sha256 of what the encoder saw of each, that of
# their clips where the encoder is of text, and that of the rows that their ids were made up from; zeros: none.
TRAINED_ON, TRAINED_CONTENT = "trained_on/id", "trained_on/content"
TRAINED_CLIP, TRAINED_ORIGIN = "trained_on/clip", "trained_on/origin"
EVERY = (
    *(*ROWS, VALUES, OFFSETS, ID, KEY, CONTENT, FAILED_ID, FAILED_REASON, FAILED_KEY),
    *(TRAINED_ON, TRAINED_CONTENT, TRAINED_CLIP, TRAINED_ORIGIN),
)


@dataclass(frozen=True)
class Header:
    """The attributes of a feature file: how its vectors were made.

    Args:
        name: of the file, and of its features (`<name>.<kind>`).
        modality: `audio` or `text`.
        encoder: class, checkpoint, revision, weights sha256, dtype, attention, pooling, rate, preprocessing.
        fingerprint: sha256 of what shapes a vector.
        classes: of the logits, in order.
        corpus: whose utterances these are.
        manifest: sha256 of the manifest that the rows follow; empty in a part.
        versions: of the libraries that made it.
        created: ISO 8601, UTC.
        digests: sha256 per dataset, over its bytes.
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

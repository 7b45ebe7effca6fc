"""Cards of public checkpoints: what each was trained on, so that the guard against leakage knows it.

A module of this package describes a family of checkpoints: `featurestore.registry` finds it by its file, and plug-ins
likewise. It defines:

    CARDS: tuple[CheckpointCard, ...]   name patterns, training corpora, licence and source of each checkpoint

A card says only what its source says, and names the source. A checkpoint without a card is one of which nothing is
known. `featurestore.known_training` finds the cards of an encoder.
"""

from featurestore.checkpoints._card import (
    EVENTS,
    LABELS,
    PRETRAINING,
    SENTENCES,
    TRANSCRIPTS,
    USES,
    CheckpointCard,
    TrainingCorpus,
    list_corpora,
)

__all__ = [
    "EVENTS",
    "LABELS",
    "PRETRAINING",
    "SENTENCES",
    "TRANSCRIPTS",
    "USES",
    "CheckpointCard",
    "TrainingCorpus",
    "list_corpora",
]

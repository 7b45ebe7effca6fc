"""Record the utterances that an encoder was fine-tuned on. `store_exposure.py` finds them in a store."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from featurestore.errors import Mismatch

# `trained_on` in the description of imported features: whether the user stated whom their encoder saw.
UNKNOWN, STATED = "unknown", "stated"


@dataclass(frozen=True, order=True)
class TrainedUtterance:
    """An utterance that an encoder was fine-tuned on.

    Args:
        id: in its corpus.
        content: sha256 of the encoder's input, the decoded samples or the words; empty if it was not recorded.
        clip: sha256 of the decoded samples, for a text encoder; empty if there is no clip.
        origin: sha256 of the rows that the corpus reader made the id up from; empty if the corpus gave the id.
    """

    id: str
    content: str = ""
    clip: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Contents:
    """Contents of a store's utterances, by which they are recognized.

    Args:
        by_id: sha256 of the encoder's input, by id; empty if it is not recorded.
        made_up: ids that the corpus reader made up, with the origin of each.
    """

    by_id: Mapping[str, str]
    made_up: Mapping[str, str]

    def trusts(self, trained: TrainedUtterance) -> bool:
        """Tell whether an equal id means the same utterance: the corpus gave it, or its rows have not changed."""
        return trained.origin == self.made_up.get(trained.id, "") or not trained.content

    def holds(self, trained: TrainedUtterance) -> bool:
        """Tell whether a training utterance is in the store under its own id."""
        return self.trusts(trained) and self.by_id.get(trained.id) == trained.content


@dataclass(frozen=True)
class Exposure:
    """Utterances of a store that an encoder was fine-tuned on.

    Args:
        known: the ids, with the evidence for each: `id`, `clip`, `text`, or `card` (the card of a public checkpoint
            names their corpus).
        suspects: ids that may be training utterances without proof: the id is one of training, but made up and with
            other content; or the words are those of a training utterance that the store does not hold under its own
            id, but the clip differs.
        notes: lines about other training on the store's corpus, such as pretraining, which the ids do not show.
    """

    known: Mapping[str, str]
    suspects: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def note_unknown_exposure(name: str, description: Mapping[str, Any]) -> str:
    """Return a note that it is unknown whom an encoder was trained on, or an empty text where it is recorded.

    Args:
        name: of the feature file.
        description: of the encoder, as the file stores it.
    """
    if description.get("trained_on") != UNKNOWN:
        return ""
    return f"whether the encoder of {name} saw these utterances is unknown"


def read_trained_utterances(record: Mapping[str, Any]) -> tuple[TrainedUtterance, ...]:
    """Read the training utterances from the content of a `finetune.json`. Records of older versions hold only ids.

    Raises:
        Mismatch: the record is damaged.
    """
    if "trained_utterances" not in record:
        return tuple(map(TrainedUtterance, record.get("trained_on", ())))
    try:
        return tuple(TrainedUtterance(**entry) for entry in record["trained_utterances"])
    except TypeError as error:
        raise Mismatch(
            "finetune.json, the record of the utterances that a checkpoint was fine-tuned on, is damaged",
            expected="trained_utterances: a list of objects with id, content, clip and origin",
            got=str(error),
            do="fine-tune the checkpoint again: without the record, its training utterances are unknown",
        ) from None

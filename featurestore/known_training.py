"""Find what a public checkpoint was trained on, by the cards in `featurestore.checkpoints` and in plug-ins."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import Any

from featurestore import registry
from featurestore.checkpoint_origins import list_origins
from featurestore.checkpoints import LABELS, CheckpointCard, TrainingCorpus
from featurestore.errors import Unavailable
from featurestore.exposure import Exposure
from featurestore.manifest import Utterance, map_column

CARD = "card"  # evidence of `Exposure.known`


@dataclass(frozen=True)
class KnownTraining:
    """A corpus that an encoder was trained on before it came here.

    Args:
        checkpoint: hub name of the checkpoint that was trained on it: the encoder's own, or one that it started from.
        training: the corpus.
        source: where this is stated.
    """

    checkpoint: str
    training: TrainingCorpus
    source: str

    def __str__(self) -> str:
        """Return one line for the user."""
        return f"checkpoint {self.checkpoint} was trained on {self.training}, see {self.source}"


def find_cards(name: str) -> list[tuple[str, CheckpointCard]]:
    """Find the cards of a checkpoint and of those that it started from, beginning with its own.

    Args:
        name: hub name, without a revision.

    Returns:
        hub name and card of each; none if the checkpoint has no card.
    """
    cards = list(chain.from_iterable(list_cards().values()))
    found: list[tuple[str, CheckpointCard]] = []
    waiting = [name]
    while waiting:
        start = waiting.pop(0)
        new = [(start, card) for card in cards if _has_name(card, start) and (start, card) not in found]
        found += new
        waiting += [card.start for _, card in new if card.start]
    return found


def find_training(encoder: Mapping[str, Any]) -> list[KnownTraining]:
    """List the corpora that an encoder was trained on, as far as cards of its checkpoint and its origins say.

    Args:
        encoder: as a feature file describes it: `checkpoint` and, if they are known, `origins`.
    """
    found: dict[TrainingCorpus, KnownTraining] = {}
    for checkpoint, card in chain.from_iterable(map(find_cards, _list_names(encoder))):
        for training in card.training:
            found.setdefault(training, KnownTraining(checkpoint, training, training.source or card.source))
    return list(found.values())


def describe_training(encoder: Mapping[str, Any]) -> dict[str, list[str]]:
    """Describe what an encoder was trained on, as JSON: the corpora by the checkpoint that was trained on them."""
    found: dict[str, list[str]] = {}
    for one in find_training(encoder):
        found.setdefault(one.checkpoint, []).append(str(one.training))
    return found


def list_cards() -> dict[str, list[CheckpointCard]]:
    """List all cards by family, the name of their module.

    Raises:
        Unavailable: a plug-in has something else than cards.
    """
    found = {family: list(module.CARDS) for family, module in registry.import_modules("checkpoints")}
    for family, cards in found.items():
        if wrong := [card for card in cards if not isinstance(card, CheckpointCard)]:
            raise Unavailable(
                f"{registry.describe_origin('checkpoints', family)} cannot be used: its CARDS are not all cards",
                expected="CARDS = (CheckpointCard(…), …)",
                got=type(wrong[0]).__name__,
                do="see the example in docs/how-to/plug-ins.md",
            )
    return found


def find_same_corpus(encoder: Mapping[str, Any], info: Mapping[str, Any]) -> list[KnownTraining]:
    """List how an encoder was trained on the corpus of a store, known by its name or its reader, in any spelling.

    Args:
        encoder: as a feature file describes it.
        info: content of corpus.json.
    """
    spellings = {_simplify(str(info.get(name) or "")) for name in ("corpus", "reader")}
    return [one for one in find_training(encoder) if _simplify(one.training.corpus) in spellings]


def add_known(
    exposure: Exposure, encoder: Mapping[str, Any], info: Mapping[str, Any], utterances: Sequence[Utterance]
) -> Exposure:
    """Add to an exposure what the cards of an encoder say about a store's corpus.

    Utterances that the checkpoint was trained on with emotion labels are exposed like those of a fine-tuning here. Any
    other training on the corpus becomes a note.

    Args:
        exposure: what is known from fine-tuning here.
        encoder: as a feature file describes it.
        info: content of corpus.json.
        utterances: the manifest.
    """
    same = find_same_corpus(encoder, info)
    labelled = [one.training for one in same if one.training.use == LABELS]
    partitions = map_column(utterances, "partition") if labelled else {}
    by_card = {one: CARD for one, name in partitions.items() if any(card.covers(name) for card in labelled)}
    notes = tuple(str(one) for one in same if one.training.use != LABELS)
    return Exposure({**by_card, **exposure.known}, exposure.suspects, (*exposure.notes, *notes))


def _list_names(encoder: Mapping[str, Any]) -> list[str]:
    """List the hub names of an encoder and of its origins. Files of older versions do not record the origins."""
    name = str(encoder.get("checkpoint") or "")
    if "origins" in encoder or not os.path.isdir(name):
        return [name.partition("@")[0], *encoder.get("origins", ())]
    return list_origins(name, Path(name))


def _has_name(card: CheckpointCard, name: str) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in card.names)


def _simplify(corpus: str) -> str:
    """Return the letters and digits of a corpus's name: `MSP_Podcast` and `msp-podcast` are the same."""
    return re.sub(r"[\W_]", "", corpus).lower()

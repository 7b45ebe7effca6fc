"""Write down the words of new clips with the recognizer of a bundle that was fitted on recognized words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from featurestore import encoders
from featurestore.corpora.table import UnlabelledTable
from featurestore.encoders import Encoder
from featurestore.errors import Unencodable, summarize_error
from featurestore.item import Item
from featurestore.networks.identity import Identity
from featurestore.prediction.bundle import Bundle
from featurestore.prediction.find_encoders import identify_same, list_recognizers, parse_checkpoints
from featurestore.spec import read_transcript


@dataclass(frozen=True)
class RecognizedClip:
    """What was recognized in a clip, or the reason why nothing was.

    Args:
        text: the words.
        reason: why there are none; empty where there are some.
    """

    text: str
    reason: str = ""


def find_recognizer(bundle: Bundle, moved: Sequence[str] = ()) -> Identity | None:
    """Identify the recognizer that wrote down all the words which a bundle was fitted on.

    Args:
        bundle: the bundle.
        moved: `NAME=CHECKPOINT` for encoders and recognizers that are elsewhere than when the bundle was fitted.

    Returns:
        None where the bundle reads no text, words of a corpus, or those of several recognizers: then a new utterance
        needs its words.

    Raises:
        Mismatch: the recognizer is not the one that the bundle was fitted on.
    """
    if not (name := name_recognizer(bundle)):
        return None
    return identify_same(name, list_recognizers(bundle.encoders)[name], parse_checkpoints(moved).get(name))


def name_recognizer(bundle: Bundle) -> str:
    """Return the name of the transcript that has all the words which a bundle was fitted on, or an empty text."""
    names = list(list_recognizers(bundle.encoders))
    return names[0] if len(names) == 1 and not any(map(_reads_corpus, bundle.encoders.values())) else ""


def recognize(identity: Identity, items: Sequence[Item], device: str) -> list[RecognizedClip]:
    """Write down the words of clips, one at a time. The recognizer is loaded only where there is a clip."""
    if not items:
        return []
    encoder = encoders.load(identity, device)
    return [_recognize_clip(identity, encoder, item) for item in items]


def fill_table(
    identity: Identity, table: UnlabelledTable, items: Sequence[Item], device: str
) -> tuple[UnlabelledTable, dict[int, str]]:
    """Fill the rows of a table that have a clip and no text with recognized words. The text of a row is never changed.

    Args:
        identity: the recognizer.
        table: the rows.
        items: one per row.
        device: where the recognizer runs.

    Returns:
        the table, in which a row without recognized words has a reason; and the words by the number of the row, from 0.
    """
    rows = list(table.rows)
    silent = [number for number, row in enumerate(rows) if not row.reason and not row.utterance.text.strip()]
    silent = [number for number in silent if items[number].audio]
    for number, found in zip(silent, recognize(identity, [items[one] for one in silent], device), strict=True):
        utterance = replace(rows[number].utterance, text=found.text)
        rows[number] = replace(rows[number], utterance=utterance, reason=found.reason)
    return replace(table, rows=tuple(rows)), {number: rows[number].utterance.text for number in silent}


def _reads_corpus(description: Mapping[str, Any]) -> bool:
    """Tell whether an encoder was fitted on words of a corpus."""
    return description.get("class") == "hf-text" and read_transcript(description) is None


def _recognize_clip(identity: Identity, encoder: Encoder, item: Item) -> RecognizedClip:
    try:  # a copy of the item, because an item keeps its decoded clip
        found = encoders.encode(encoder, [encoder.load(replace(item))], frozenset(identity.kinds))[0]
    except Unencodable as error:
        return RecognizedClip("", f"{identity.name}: {error.what}")
    except Exception as error:  # a third-party network may raise anything on one row of many
        return RecognizedClip("", f"{identity.name}: {summarize_error(error)}")
    text = found["text"].tobytes().decode("utf-8")
    return RecognizedClip(text, "" if text else f"{identity.name}: no words recognized")

"""Decide what a bundle can predict an utterance from: all that it reads, or without a modality that is absent."""

from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from featurestore.item import Item
from featurestore.prediction.bundle import Bundle

NOT_GIVEN = ""  # the reason of a modality that the user left out, and that nothing went wrong with


def find_absent(item: Item, needed: AbstractSet[str], bundle: Bundle, wordless: str = NOT_GIVEN) -> dict[str, str]:
    """Find the modalities that an utterance has not and the bundle can do without, and why.

    Nothing is absent where nothing would be left; the encoders then say what is wrong.

    Args:
        item: the utterance.
        needed: the modalities that the bundle reads.
        bundle: that predicts it.
        wordless: why a recognizer found no words in it; empty if none was asked.
    """
    given = {"audio": item.audio is not None, "text": bool(item.text.strip())}
    reasons = {"audio": NOT_GIVEN, "text": wordless}
    absent = {modality: reasons[modality] for modality in needed & {*bundle.optional} if not given[modality]}
    return absent if len(absent) < len(needed) else {}


def explain_failure(absent: Mapping[str, str], needed: Collection[str], bundle: Bundle) -> str:
    """Explain why an utterance cannot be predicted, or return an empty text.

    Args:
        absent: why each modality is absent.
        needed: the modalities that the bundle reads.
        bundle: it can do without one modality, not without all.
    """
    required = [why for modality, why in absent.items() if modality not in bundle.optional]
    everything = list(absent.values()) if len(absent) == len(needed) else []
    return "; ".join(dict.fromkeys(filter(None, [*required, *everything])))


def list_shapes(bundle: Bundle) -> dict[str, tuple[int, ...]]:
    """List the shape of what stands in for each feature that may be absent: of its columns, or of one frame."""
    layout: Any = getattr(bundle.head, "layout_", None) if bundle.missing else None
    if layout is None:
        return {}
    return {block.name: block.shape for block in layout.blocks} | {name: (1, width) for name, _, width in layout.frames}


def warn_untrained(absent: Collection[Mapping[str, str]], bundle: Bundle) -> Iterator[str]:
    """Yield a line for the user about each absent modality without which the head learned from no utterance."""
    for modality in sorted({modality for one in absent for modality in one}):
        if modality in bundle.optional and not bundle.missing["training"].get(modality):
            yield (
                f"this head learned from no utterance without {modality}, so its answers without it may be poor; "
                "cli fit-head --missing both-trained learns from them"
            )

"""The paper's Fig. 1: how many turns there are of each label, and which of them the experiment keeps."""

from collections import Counter
from typing import Any

from featurestore.labels import Scheme, card
from featurestore.registry import names
from featurestore.store import Store


def distribution(store: Store, scheme: Scheme) -> dict[str, Any]:
    """The corpus's labels by name with their counts, commonest first, and the classes that are kept."""
    known = card(store.corpus) if store.corpus in names("corpora") else None
    meanings = known.labels if known else {}
    codes = Counter(utterance.label for utterance in store.utterances)
    kept = scheme.apply(store.utterances)
    return {
        "name": store.corpus,
        "title": known.title if known else store.corpus,
        "note": known.note if known else "",
        "turns": len(store.utterances),
        "labels": {_title(code, meanings.get(code, "")): count for code, count in codes.most_common()},
        "classes": dict(Counter(kept.values()).most_common()),
        "kept": len(kept),
    }


def _title(code: str, meaning: str) -> str:
    return meaning or code or "no label"

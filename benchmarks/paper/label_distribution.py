"""Count the turns of each label, and which of them the experiment keeps (the paper's Fig. 1)."""

from collections import Counter
from typing import Any

from featurestore.labels import Scheme, load_card
from featurestore.registry import names
from featurestore.store import Store


def count_labels(store: Store, scheme: Scheme) -> dict[str, Any]:
    """Return the corpus's labels by name with their counts, most frequent first, and the classes that are kept."""
    known = load_card(store.corpus) if store.corpus in names("corpora") else None
    meanings = known.labels if known else {}
    codes = Counter(utterance.label for utterance in store.utterances)
    kept = scheme.apply(store.utterances)
    return {
        "name": store.corpus,
        "title": known.title if known else store.corpus,
        "note": known.note if known else "",
        "turns": len(store.utterances),
        "labels": {meanings.get(code, "") or code or "no label": count for code, count in codes.most_common()},
        "classes": dict(Counter(kept.values()).most_common()),
        "kept": len(kept),
    }

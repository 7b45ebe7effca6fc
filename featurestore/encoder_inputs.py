"""List the inputs of an encoder for the utterances of a store, with the turns before each where it reads them."""

from collections.abc import Sequence
from dataclasses import replace

from featurestore.dialogues import find_previous_turns, list_texts
from featurestore.errors import BadValue, quote
from featurestore.item import Item
from featurestore.manifest import Utterance, list_column
from featurestore.store import MANIFEST, Store


def list_inputs(store: Store, context: int = 0, utterances: Sequence[Utterance] | None = None) -> list[Item]:
    """List the input of an encoder for utterances of a store.

    Args:
        store: a prepared store.
        context: turns of the same dialogue before an utterance whose texts go with it. Turns without a text count, and
            add none. Utterances without a dialogue have no context.
        utterances: those of the store that are wanted, in their order; by default all.

    Raises:
        BadValue: a context, and no utterance of the store is in a dialogue.
        Mismatch: the order of a dialogue is ambiguous.
    """
    wanted = store.utterances if utterances is None else utterances
    items = [store.item(utterance) for utterance in wanted]
    if not context:
        return items
    _check_dialogues(store, context)
    previous = find_previous_turns(store.utterances, context, segments=store.segments)
    texts = {one: list_texts(turns) for one, turns in zip(store.utterances.ids, previous, strict=True)}
    return [replace(item, context=texts[item.id]) for item in items]


def _check_dialogues(store: Store, context: int) -> None:
    if not any(list_column(store.utterances, "dialogue")):
        raise BadValue(
            f"no utterance of {store.path / MANIFEST} is in a dialogue, so none has a context of {context} turns",
            expected="the dialogue of each turn in the column dialogue",
            do=f"fill the column dialogue in the corpus and run cli prepare again (--store {quote(store.path)}), or "
            "leave --context out",
        )

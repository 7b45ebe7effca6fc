"""Build the message for an extraction in which every utterance failed."""

import re
from collections import Counter
from collections.abc import Sequence

from featurestore import registry
from featurestore.errors import Mismatch, format_count, quote
from featurestore.extraction.part_file import Failure
from featurestore.labels import load_card
from featurestore.networks.identity import Identity
from featurestore.preparation.corpus_json import prepare_command
from featurestore.spec import read_transcript
from featurestore.storage.schema import TRANSCRIPTS
from featurestore.store import Store

_WORD = re.compile(r"[A-Za-z]+[:;,.]?")


def build_total_failure(store: Store, identity: Identity, failures: Sequence[Failure]) -> Mismatch:
    """Build the error that none of a store's utterances could be encoded, with the most frequent kind of reason."""
    commonest, count = _find_commonest([failure.reason for failure in failures])
    return Mismatch(
        f"{identity.name}: none of {len(store.utterances)} utterances could be encoded",
        got=f"{format_count(count, 'time')}: {commonest}",
        do=_advise_on_input(store, identity)
        or _advise(commonest)
        or f"check {store.root}, then: {prepare_command(store)}",
    )


def _find_commonest(reasons: Sequence[str]) -> tuple[str, int]:
    """Return the first reason of the most frequent kind, and how many are of it.

    Reasons of a kind differ only in names of files and in numbers.
    """
    kinds = [tuple(word for word in reason.split() if _WORD.fullmatch(word)) for reason in reasons]
    if not kinds:
        return "the manifest is empty", 0
    ((commonest, count),) = Counter(kinds).most_common(1)
    return reasons[kinds.index(commonest)], count


def _advise_on_input(store: Store, identity: Identity) -> str:
    """Return advice for a corpus that has no texts or no clips at all, else an empty text."""
    modality = identity.modality
    if source := read_transcript(identity.description):
        return f"look at the words: cli inspect {quote(store.path / TRANSCRIPTS / f'{source.name}.h5')}"
    if not store.utterances or any(row.text.strip() if modality == "text" else row.audio for row in store.utterances):
        return ""
    reader = str(store.info.get("reader", store.corpus))
    if reader in registry.names("corpora") and load_card(reader).own:
        command = prepare_command(store, store.info.get("source", "ROOT"), columns={modality: "COLUMN"})
        return f"if a column of the table holds the {modality}, name it: {command}"
    other = "audio" if modality == "text" else "text"
    return f"the corpus has no {modality}: use only {other} encoders, --encoder {other}=CHECKPOINT"


def _advise(reason: str) -> str:
    """Return advice for a reason that the corpus is not to blame for, else an empty text."""
    if re.search("(takes|take|reads) at most|too short for one frame", reason):
        return "use an encoder for utterances of this length, or cut them by the columns start and end of a table"
    if re.match(r"[A-Za-z]+(Error|Exception): ", reason):
        return "the network or this machine fails, not the corpus: try one utterance with transformers alone"
    return ""

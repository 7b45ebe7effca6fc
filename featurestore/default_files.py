"""Choose the feature files of a store that are used where none is named."""

from collections.abc import Mapping
from typing import Any, Protocol

from featurestore.networks.identity import fingerprint
from featurestore.spec import TRANSCRIPT, choose_default_files


class DescribedFiles(Protocol):
    """Feature files by encoder; a store and a pair of stores have them."""

    def encoders(self) -> list[str]:
        """List the names of the feature files."""

    def describe(self, encoder: str) -> dict[str, Any]:
        """Return how an encoder's vectors were made."""


def choose_files(store: DescribedFiles) -> dict[str, str]:
    """Choose one feature file of each encoder, by the encoder's name, as `choose_default_files` does.

    A text encoder that reads recognized words is left out where the store has the same encoder on the words of the
    corpus: both together would show what neither is worth.
    """
    files = choose_default_files(store.encoders())
    if len(files) < 2:
        return files
    described = {name: store.describe(file) for name, file in files.items()}
    own = {fingerprint(one) for one in described.values() if TRANSCRIPT not in one}
    return {name: file for name, file in files.items() if not _is_twin(described[name], own)}


def forget_transcript(description: Mapping[str, Any]) -> str:
    """Return the fingerprint that a text encoder has on the words of the corpus, whichever words it reads."""
    return fingerprint({name: value for name, value in description.items() if name != TRANSCRIPT})


def _is_twin(description: Mapping[str, Any], own: set[str]) -> bool:
    return TRANSCRIPT in description and forget_transcript(description) in own

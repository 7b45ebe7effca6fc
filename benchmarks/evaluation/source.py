"""What is asked of a feature store; `featurestore.store.Store` is one, and so is a pair of them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from featurestore.exposure import Contents, Exposure
from featurestore.manifest import Utterance


class Store(Protocol):
    """Features of utterances, by id."""

    @property
    def path(self) -> Path:
        """The store's folder."""

    @property
    def corpus(self) -> str:
        """The corpus's name."""

    @property
    def manifest_digest(self) -> str:
        """The sha256 of the manifest; of a pair of stores both."""

    @property
    def utterances(self) -> Sequence[Utterance]:
        """The manifest."""

    def encoders(self) -> list[str]:
        """The names of the feature files."""

    def default_features(self) -> list[str]:
        """The features taken where none are named."""

    def kinds(self, encoder: str) -> list[str]:
        """What features an encoder has: `mean`, `logits`, …; `layers` as `layers[0]` and so on."""

    def modality(self, encoder: str) -> str:
        """`audio` or `text`."""

    def available(self, features: Iterable[str]) -> list[str]:
        """Ids that have every feature, in manifest order."""

    def failures(self, features: Iterable[str]) -> dict[str, str]:
        """Why an utterance has no features, by id."""

    def matrix(self, features: Sequence[str], ids: Sequence[str]) -> tuple[NDArray[Any], dict[str, int], list[str]]:
        """X float32 (N, sum of D), the width of each feature, the ids of the rows."""

    def trained_on(self, encoder: str) -> frozenset[str]:
        """Find the utterances that the encoder was fine-tuned on, as ids."""

    def exposure(self, encoder: str) -> Exposure:
        """Say how each of these is known, and which utterances may be such."""

    def contents(self, encoder: str) -> Mapping[str, str]:
        """Give the sha256 of what each vector was made from, by id: the decoded samples, or the words."""

    def describe(self, encoder: str) -> dict[str, Any]:
        """How the encoder's vectors were made, as JSON."""

    def digests(self, encoder: str) -> Mapping[str, str]:
        """The digest of each dataset of the encoder's file."""


class SingleStore(Store, Protocol):
    """Features of one corpus."""

    def exposure(self, encoder: str, beside: Contents | None = None) -> Exposure:
        """Say how each of these is known; `beside` are the utterances of another store, which may be meant instead."""

    def known_by(self, encoder: str) -> Contents:
        """Give what the utterances are known by."""

"""Declare the interface of a feature store for evaluation; `featurestore.store.Store` and `Pair` implement it."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, overload

from numpy.typing import NDArray

from featurestore.exposure import Contents, Exposure
from featurestore.manifest import Utterance


class RecognizedWords(Protocol):
    """Words that a recognizer has written down; `featurestore.transcript.Transcript` has more."""

    @property
    def texts(self) -> Mapping[str, str]:
        """Words by utterance id."""

    @property
    def recognizer(self) -> dict[str, Any]:
        """Description of the checkpoint that wrote them down, as JSON."""

    @property
    def fingerprint(self) -> str:
        """The sha256 of everything about it that shapes words."""

    @property
    def failed(self) -> Mapping[str, str]:
        """Utterances that could not be transcribed: the reason, by id."""


class FeatureSource(Protocol):
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

    @property
    def segments(self) -> bool:
        """Whether `start` counts from the beginning of the turn's own `audio`."""

    def encoders(self) -> list[str]:
        """List the names of the feature files."""

    def transcripts(self) -> list[str]:
        """List the names of the transcripts."""

    def transcript(self, name: str) -> RecognizedWords:
        """Open a transcript."""

    def default_features(self) -> list[str]:
        """List the features that are used by default."""

    def kinds(self, encoder: str) -> list[str]:
        """List the kinds of features of an encoder: `mean`, `frames`, …, and its layers as `layers[0]` and so on."""

    def modality(self, encoder: str) -> str:
        """Return `audio` or `text`."""

    def available(self, features: Iterable[str]) -> list[str]:
        """List the ids that have every feature, in manifest order."""

    def failures(self, features: Iterable[str]) -> dict[str, str]:
        """Return the reason of each utterance that has no features, by id."""

    def rows(self, ids: Sequence[str]) -> NDArray[Any]:
        """Return the row of each utterance in the manifest, int64 (N,)."""

    def check_features(self, features: Sequence[str], rows: NDArray[Any]) -> None:
        """Check that the utterances at some rows have every feature."""

    @overload
    def matrix(self, features: Sequence[str], ids: Sequence[str]) -> tuple[NDArray[Any], dict[str, int], list[str]]: ...
    @overload
    def matrix(
        self, features: Sequence[str], *, rows: NDArray[Any]
    ) -> tuple[NDArray[Any], dict[str, int], NDArray[Any]]: ...
    def matrix(
        self, features: Sequence[str], ids: Sequence[str] | None = None, *, rows: NDArray[Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, int], Any]:
        """Return X float32 (N, sum of D), the width of each feature, and the ids or rows of the utterances."""

    def frames(self, feature: str, ids: Sequence[str]) -> list[NDArray[Any]]:
        """Return all frames (T, D) of each utterance, read when they are used."""

    def shape(self, feature: str) -> tuple[int, ...]:
        """Return the shape of a feature's columns: (D,), or (L, D) for all layers."""

    def trained_on(self, encoder: str) -> frozenset[str]:
        """Find the utterances that the encoder was fine-tuned on, as ids."""

    def exposure(self, encoder: str) -> Exposure:
        """Return how each of these was recognized, and which utterances may be among them."""

    def contents(self, encoder: str) -> Mapping[str, str]:
        """Return the sha256 of what each vector was made from, by id: the decoded samples, or the words."""

    def describe(self, encoder: str) -> dict[str, Any]:
        """Describe how the encoder's vectors were made, as JSON."""

    def digests(self, encoder: str) -> Mapping[str, str]:
        """Return the digest of each dataset of the encoder's file."""


class SingleSource(FeatureSource, Protocol):
    """Features of one corpus."""

    def exposure(self, encoder: str, other: Contents | None = None) -> Exposure:
        """Return how each of these was recognized, and which utterances may be among them.

        Args:
            encoder: its feature file.
            other: the utterances of another store, which the encoder may have been fine-tuned on instead.
        """

    def collect_contents(self, encoder: str) -> Contents:
        """Return the ids and contents by which the utterances are recognized."""

"""Describe a corpus by its card, and what was read from its release."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from featurestore.manifest import Utterance
from featurestore.releases.common_schemes import COMMON_SCHEMES, map_to_common

# Origins of utterance ids, from the most to the least stable.
GIVEN, FILE_NAMES, ROW_NUMBERS = "corpus", "file names", "row numbers"


@dataclass(frozen=True)
class Published:
    """A published result on a corpus, to compare with on the same classes.

    Args:
        name: the system.
        metric: full name of the metric: `accuracy`, `unweighted_average_recall`, …
        value: 0 to 1.
        labels: label scheme of the result.
        source: publication.
        note: how the result was measured, and what limits a comparison.
        protocol: registry name of its protocol; empty if this project has none like it.
    """

    name: str
    metric: str
    value: float
    labels: str
    source: str
    note: str
    protocol: str = ""


@dataclass(frozen=True)
class CorpusCard:
    """Description of a corpus that is known without reading it.

    Args:
        title: full name.
        licence: terms of use.
        citation: paper to cite.
        labels: meaning of each of the corpus's label codes, in English.
        counts: number of utterances per label code in a full release; empty if it varies.
        schemes: label schemes by name; each maps a code to a class, or to None to leave it out.
        default_scheme: label scheme to use by default; empty for all labels.
        version: release or edition that the counts refer to.
        note: what a reader of any result on this corpus must know.
        published: results of others.
        own: whether it is the user's own data, which may have a name and column names of its own.
        language: that is spoken, as English names; empty if it varies.
        source: address that the release is found or asked for at.
        words: whether the words say anything about the emotion, such as `the same sentences in every emotion`.
        speakers: number of speakers in a full release; 0 if it varies or is unknown.
        sessions: number of sessions in a full release; 0 if it has none, or if it varies.
        partitions: number of utterances in each part of the corpus's own split; empty if it has none, or if it varies.
        vote_codes: label code of each word in the column `votes`, where the words are not the codes.
        own_raters: regular expression of the raters in `votes` who judge their own speech; empty if there are none.
    """

    title: str
    licence: str
    citation: str
    labels: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    schemes: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    default_scheme: str = ""
    version: str = ""
    note: str = ""
    published: tuple[Published, ...] = ()
    own: bool = False
    language: str = ""
    source: str = ""
    words: str = ""
    speakers: int = 0
    sessions: int = 0
    partitions: Mapping[str, int] = field(default_factory=dict)
    vote_codes: Mapping[str, str] = field(default_factory=dict)
    own_raters: str = ""

    def find_classes(self, scheme: str) -> Mapping[str, str | None] | None:
        """Return the class of each label code in a label scheme, its own or a common one, or None if it is unknown."""
        if scheme in self.schemes:
            return self.schemes[scheme]
        return map_to_common(scheme, self.labels) if scheme in COMMON_SCHEMES else None


@dataclass(frozen=True)
class Finding:
    """An irregularity that a reader has met: a description, and the utterance ids or files it applies to."""

    what: str
    where: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """The utterances of a release, and a finding for everything that was left out or changed.

    Args:
        utterances: in the order of the release.
        findings: every irregularity.
        ids: least stable origin of an utterance id: `corpus` (given by the release), `file names`, or `row numbers`
            (which change when a row is inserted or deleted).
        made_up_ids: the ids that the release does not give.
        segments: whether `start` and `end` select a segment of `audio`. Otherwise they are times in the recording of
            the dialogue, and the utterance is the whole of `audio`.
    """

    utterances: tuple[Utterance, ...]
    findings: tuple[Finding, ...] = ()
    ids: str = GIVEN
    segments: bool = False
    made_up_ids: tuple[str, ...] = ()

"""One module per corpus: a CARD that says what it is, and `utterances(root)` that reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from featurestore.manifest import Utterance

# How the ids of a reading came about, from the strongest to the weakest.
GIVEN, FILE_NAMES, ROW_NUMBERS = "corpus", "file names", "row numbers"


@dataclass(frozen=True)
class Published:
    """A figure that others have published on a corpus, to be set beside one's own on the same classes.

    Args:
        name: the system.
        metric: its full name: `accuracy`, `unweighted_average_recall`, …
        value: as this project gives figures, 0 to 1.
        labels: the label scheme that it was measured on.
        source: where it is published.
        note: how it was measured, and what that does to a comparison.
        protocol: the registry name of the protocol that it was measured by; empty where none here is the same.
    """

    name: str
    metric: str
    value: float
    labels: str
    source: str
    note: str
    protocol: str = ""


@dataclass(frozen=True)
class Card:
    """What is known about a corpus before it is read.

    Args:
        title: its full name.
        licence: under what terms it may be used.
        citation: the paper to cite.
        labels: the corpus's own codes and what they mean.
        counts: known number of utterances per label code of a full release; empty where it varies.
        schemes: label schemes by name: code to class, None for a code that the scheme leaves out.
        default_scheme: the scheme that is used unless another is asked for; empty means every label.
        version: which release or edition the counts are of.
        note: what a reader of any figure on this corpus must know.
        published: figures of others.
        own: whether it is the user's own data, which takes a name and columns of other names.
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


@dataclass(frozen=True)
class Finding:
    """Something odd that a reader met: what it is, and the ids or files it concerns."""

    what: str
    where: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """What a reader made of a release; nothing is dropped silently.

    Args:
        utterances: in the order of the release.
        findings: everything odd about it.
        ids: how the ids came about, the weakest way that was taken: `corpus` (the release gives them), `file names`
            or `row numbers` (they move when a row is inserted or deleted).
        made_up_ids: the ids that the release does not give itself.
        segments: whether `start` and `end` cut each utterance out of its `audio`; else they are times in the
            recording of the dialogue, and `audio` is the clip.
    """

    utterances: tuple[Utterance, ...]
    findings: tuple[Finding, ...] = ()
    ids: str = GIVEN
    segments: bool = False
    made_up_ids: tuple[str, ...] = ()

"""Define the types of the sections in the report's content (`content_types`)."""

from typing import Literal, NotRequired, TypedDict

from benchmarks.report.analysis.system_types import IntervalContent, PairContent


class ConfusionContent(TypedDict):
    """A confusion matrix: rows are true classes; `shares` are counts over the sum of their row."""

    classes: list[str]
    counts: list[list[float]]
    shares: list[list[float]]
    leaked: NotRequired[Literal[True]]


class BinContent(TypedDict):
    """A bin of the reliability diagram."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


class CoverageContent(TypedDict):
    """Accuracy on the share of utterances with the highest confidence."""

    coverage: float
    accuracy: float


class CalibrationContent(TypedDict):
    """Reliability diagram and selective accuracy of a system."""

    bins: list[BinContent]
    selective: list[CoverageContent]
    leaked: NotRequired[Literal[True]]


class KindsContent(TypedDict):
    """A head's system for each kind of features; `unclear` lists the candidates where none has the kind's name."""

    head: str
    systems: dict[str, str]
    unclear: dict[str, list[str]]


class KindDifferenceContent(PairContent):
    """The difference between two kinds of features, `of` minus `over`, with the same head."""

    head: str
    of: str
    over: str


class ModalitiesContent(TypedDict):
    """Kinds of features compared with the same head."""

    heads: list[KindsContent]
    differences: list[KindDifferenceContent]


class ErrorCountContent(TypedDict):
    """Word errors of a transcript, of all utterances or of one class; the rate is errors over `words`."""

    word_error_rate: float
    utterances: int
    words: int
    substitutions: int
    deletions: int
    insertions: int


class TranscriptContent(TypedDict):
    """Word errors of a transcript; only a `note` where they could not be counted."""

    overall: NotRequired[ErrorCountContent | None]
    by_label: NotRequired[dict[str, ErrorCountContent]]
    without_words: NotRequired[int]
    not_transcribed: NotRequired[int]
    normalization: NotRequired[str]
    note: NotRequired[str]


class RecognizedSystemContent(PairContent):
    """A head on recognized words (`first`) minus the same on the words of the corpus (`second`)."""

    head: str
    transcript: str
    gold: IntervalContent
    recognized: IntervalContent


class RecognizedContent(TypedDict):
    """Recognized words: what they cost, and their errors by transcript."""

    transcripts: dict[str, TranscriptContent]
    systems: list[RecognizedSystemContent]


class PermutationContent(PairContent):
    """The permutation importance of a modality: permuted (`first`) minus unchanged (`second`)."""

    head: str
    feature_set: str
    shuffled: Literal["text", "audio"]


class LayerContent(IntervalContent):
    """A system on one layer of an encoder."""

    layer: int
    system: str
    leaked: NotRequired[Literal[True]]


class LayersContent(TypedDict):
    """A head on each layer of an encoder."""

    encoder: str
    head: str
    points: list[LayerContent]


class CurveContent(TypedDict):
    """A training curve by epoch: mean, least and greatest over runs."""

    mean: list[float]
    low: list[float]
    high: list[float]


class EpochsContent(TypedDict):
    """The training curves of a system."""

    system: str
    head: str
    runs: int
    curves: dict[str, CurveContent]
    leaked: NotRequired[Literal[True]]


class SizeContent(TypedDict):
    """A point of a learning curve; `train` is the mean number of training utterances.

    An F1 is there only if it is the headline metric.
    """

    share: float
    train: float
    accuracy: IntervalContent
    unweighted_average_recall: IntervalContent
    macro_f1: NotRequired[IntervalContent]
    weighted_f1: NotRequired[IntervalContent]


class SizesContent(TypedDict):
    """The learning curve of a system over train sizes."""

    system: str
    head: str
    points: list[SizeContent]
    leaked: NotRequired[Literal[True]]


class MistakeContent(TypedDict):
    """A wrong prediction; `also_wrong` counts the other systems that are wrong too."""

    id: str
    text: str
    truth: str
    prediction: str
    confidence: float
    also_wrong: int


class MistakesContent(TypedDict):
    """The most confident mistakes of a system."""

    system: str
    wrong: int
    others: int
    rows: list[MistakeContent]
    leaked: NotRequired[Literal[True]]


class SidesContent(TypedDict):
    """The leaks in this benchmark and in the other; empty if there are none."""

    here: str
    there: str


class AgainstSystemContent(TypedDict):
    """A system in this benchmark minus the same system in the other."""

    system: str
    here: float
    there: float
    value: float
    low: float
    high: float
    p: float
    leak: SidesContent
    leaked: NotRequired[Literal[True]]


class AgainstContent(TypedDict):
    """The same systems in another benchmark, on the test utterances of both."""

    protocol: str
    n: int
    over: str
    clusters: int
    few: str
    systems: list[AgainstSystemContent]

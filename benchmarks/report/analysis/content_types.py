"""Define the types of the report's content; `results.schema.json` describes the same for readers of `results.json`.

A test checks that both have the same keys and types. Metrics are shares in 0..1 (log loss in nats, Brier score in
0..2). `leaked` is in every entry whose figures rest on a leaked system.
"""

from typing import Any, Literal, NotRequired, TypedDict

from benchmarks.report.analysis.section_types import (
    AgainstContent,
    CalibrationContent,
    ConfusionContent,
    EpochsContent,
    LayersContent,
    MissingContent,
    MistakesContent,
    ModalitiesContent,
    PermutationContent,
    RecognizedContent,
    SizesContent,
)
from benchmarks.report.analysis.system_types import ControlContent, FlawsContent, PairContent, SystemContent
from benchmarks.report.analysis.vote_types import VotesContent

Metric = Literal["accuracy", "unweighted_average_recall", "macro_f1", "weighted_f1"]


class CheckContent(TypedDict):
    """The result of a check, and what it asks."""

    outcome: Literal["passed", "failed", "not applicable"]
    message: str
    check: str
    meaning: str


class PublishedContent(TypedDict):
    """A published figure; `protocol` is empty if it is not a registered one."""

    name: str
    metric: str
    value: float
    labels: str
    source: str
    note: str
    protocol: NotRequired[str]


class FoldContent(TypedDict):
    """The number of utterances in each part of a fold."""

    name: str
    train: int
    dev: int
    test: int
    unused: int


class TunedOnContent(TypedDict):
    """The utterances of a fold that an encoder was fine-tuned on, by part; `train` includes dev."""

    train: int
    dev: int
    test: int


class EncoderContent(TypedDict):
    """An encoder as its feature file describes it (`made`), and what it was fine-tuned on, by fold.

    `suspects` are tested utterances that it may have been fine-tuned on, and `notes` what is known of its training.
    """

    modality: Literal["text", "audio"]
    made: dict[str, Any]
    tuned_on: dict[str, TunedOnContent]
    suspects: NotRequired[list[str]]
    notes: NotRequired[list[str]]


class ProvenanceContent(TypedDict):
    """The inputs, versions and machine that reproduce the figures."""

    utterances: int
    speakers: int
    classes: dict[str, int]
    label_maps: dict[str, dict[str, str | None] | None]
    left_out: dict[str, int]
    dropped: dict[str, str]
    manifest_sha256: str
    folds_sha256: str
    folds: list[FoldContent]
    encoders: dict[str, EncoderContent]
    versions: dict[str, str]
    machine: dict[str, Any]
    command: str


class BenchmarkContent(TypedDict):
    """What reports of classes and of values share: the leaderboard with its comparisons, controls, notes and checks."""

    corpus: str
    protocol: str
    split_seed: int
    tune: int
    seeds: list[int]
    n: int
    folds: int
    interval: str
    over: str
    clusters: int
    few: str
    level: float
    notes: list[str]
    leaderboard: list[SystemContent]
    pairs: list[PairContent]
    controls: list[ControlContent]
    checks: list[CheckContent]


class SummaryContent(BenchmarkContent):
    """The summary of a benchmark of classes.

    `flaws` and `missing` are there only where they are measured, `recognized` only where features read recognized
    words. `metric` is the headline metric: systems are ranked and compared by it.
    """

    labels: str
    classes: list[str]
    metric: Metric
    flaws: NotRequired[FlawsContent]
    missing: NotRequired[MissingContent]
    recognized: NotRequired[RecognizedContent]


class PageContent(BenchmarkContent):
    """What the pages of classes and of values share."""

    format: Literal[1]
    sentence: str
    best: list[str]
    featured: list[str]
    against: AgainstContent | None
    modalities: ModalitiesContent
    shuffled: list[PermutationContent]
    epochs: list[EpochsContent]
    sizes: list[SizesContent]
    provenance: ProvenanceContent


class ReportContent(SummaryContent):
    """Everything that the report shows; `votes` only where test utterances have any."""

    format: Literal[1]
    sentence: str
    best: list[str]
    published: list[PublishedContent]
    featured: list[str]
    confusion: dict[str, ConfusionContent]
    calibration: dict[str, CalibrationContent]
    against: AgainstContent | None
    modalities: ModalitiesContent
    shuffled: list[PermutationContent]
    layers: list[LayersContent]
    epochs: list[EpochsContent]
    sizes: list[SizesContent]
    votes: NotRequired[VotesContent]
    mistakes: MistakesContent
    provenance: ProvenanceContent

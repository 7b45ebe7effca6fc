"""Define the types of the report's content; `results.schema.json` describes the same for readers of `results.json`.

A test holds the keys and the types of both together. Metrics are shares in 0..1 (log loss in nats, Brier score in
0..2). `leaked` is in every entry whose figures rest on a leaked system.
"""

from typing import Any, Literal, NotRequired, TypedDict


class IntervalContent(TypedDict):
    """A metric with its 95 % interval."""

    value: float
    low: float
    high: float


class MetricContent(TypedDict):
    """A metric of a system; `low` and `high` are None for a point estimate."""

    value: float
    low: float | None
    high: float | None
    n: int
    mean_of_folds: float
    sd_of_folds: float | None
    sd_of_seeds: float | None
    leaked: NotRequired[Literal[True]]


class ControlMetricContent(TypedDict):
    """A metric of a control; `minus_system` is its difference from the system without the control."""

    value: float
    low: float | None
    high: float | None
    n: int
    minus_system: float
    leaked: NotRequired[Literal[True]]


class ClassContent(TypedDict):
    """Metrics of one class, the mean over seeds."""

    precision: float
    recall: float
    f1: float
    n: float
    leaked: NotRequired[Literal[True]]


class SettingsContent(TypedDict):
    """Settings of a head, and the runs (`fold/seed`) that used them."""

    params: dict[str, Any]
    runs: list[str]


class SystemContent(TypedDict):
    """A row of the leaderboard. Systems that share a letter in `group` do not differ significantly."""

    system: str
    head: str
    feature_set: str
    features: list[str]
    normalize: str
    logits: str
    seeds: list[int]
    leak: str
    metrics: dict[str, MetricContent]
    per_class: dict[str, ClassContent]
    fit_seconds: float
    tune_seconds: float
    predict_microseconds: float
    bundle_bytes: int
    peak_mb: float
    settings: list[SettingsContent]
    group: str


class PairContent(TypedDict):
    """The difference between two systems, first minus second."""

    first: str
    second: str
    value: float
    low: float
    high: float
    p: float
    mcnemar_p: float
    p_holm: float
    mcnemar_p_holm: float
    leaked: NotRequired[Literal[True]]


class ControlContent(TypedDict):
    """A system on a share of training, or with one modality permuted in test."""

    control: str
    system: str
    head: str
    feature_set: str
    share: float
    shuffled: Literal["", "text", "audio"]
    seeds: list[int]
    train: float
    leak: str
    metrics: dict[str, ControlMetricContent]


class CheckContent(TypedDict):
    """The result of a check, and what it asks."""

    outcome: Literal["passed", "failed", "not applicable"]
    message: str
    check: str
    meaning: str


class PublishedContent(TypedDict):
    """A published figure; `protocol` is empty where it is none of the registered ones."""

    name: str
    metric: str
    value: float
    labels: str
    source: str
    note: str
    protocol: NotRequired[str]


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
    """A head's system for each kind of features; `unclear` lists several of a kind without one of its name."""

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
    """A point of a learning curve; `train` is the mean number of training utterances."""

    share: float
    train: float
    accuracy: IntervalContent
    unweighted_average_recall: IntervalContent


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
    """An encoder as its feature file describes it (`made`), and what it was fine-tuned on, by fold."""

    modality: Literal["text", "audio"]
    made: dict[str, Any]
    tuned_on: dict[str, TunedOnContent]


class ProvenanceContent(TypedDict):
    """What is needed to reproduce the figures."""

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


class SidesContent(TypedDict):
    """What leaks in this benchmark and in the other; empty where nothing does."""

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


class SummaryContent(TypedDict):
    """The leaderboard with its comparisons, controls, notes and checks."""

    corpus: str
    labels: str
    protocol: str
    split_seed: int
    tune: int
    seeds: list[int]
    n: int
    folds: int
    classes: list[str]
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


class ReportContent(SummaryContent):
    """Everything that the report shows."""

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
    mistakes: MistakesContent
    provenance: ProvenanceContent

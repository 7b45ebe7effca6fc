"""Define the types of systems, controls and pairs in the report's content (`content_types`)."""

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


class ClassEndsContent(TypedDict):
    """One end of the 95 % intervals of a class's metrics; None for a point estimate."""

    precision: float | None
    recall: float | None
    f1: float | None


class ClassContent(TypedDict):
    """Metrics of one class, the mean over seeds, and the ends of their intervals."""

    precision: float
    recall: float
    f1: float
    n: float
    low: ClassEndsContent
    high: ClassEndsContent
    leaked: NotRequired[Literal[True]]


class SettingsContent(TypedDict):
    """Settings of a head, and the runs (`fold/seed`) that used them."""

    params: dict[str, Any]
    runs: list[str]


class SystemContent(TypedDict):
    """A row of the leaderboard. Systems that share a letter in `group` do not differ significantly.

    `equals` names the systems of the same baseline that give the same predictions and are not counted. `context` is
    what the head reads of a dialogue, of a head that reads dialogues. `exposure` says of which encoders it is unknown
    whom they were trained on, if there are any. `train_on` is `votes` where the head learned their distributions.
    `missing` is what is done with utterances that lack a modality, if they are kept.
    """

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
    equals: NotRequired[list[str]]
    context: NotRequired[Literal["whole dialogue", "past turns"]]
    exposure: NotRequired[str]
    train_on: NotRequired[Literal["votes"]]
    missing: NotRequired[Literal["mask", "both-trained"]]


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
    """A system with a smaller train size, or with one modality permuted in test."""

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


class SharedContent(TypedDict):
    """The speakers or dialogues of test that are also in training, of all `tested` ones; 0 if none has a name."""

    shared: int
    tested: int


class HonestContent(TypedDict):
    """The benchmark's own protocol, which the flaws are compared with."""

    protocol: str
    speakers: SharedContent
    dialogues: SharedContent


class FlawDifferenceContent(IntervalContent):
    """The flawed figure minus the honest one in the headline metric, on the `n` utterances that both test."""

    n: int
    p: float
    few: str


class FlawContent(TypedDict):
    """A system under a protocol flaw: by a flawed `protocol`, or with the epoch of each fit chosen on test.

    `difference` is missing where fewer than two utterances are tested by both protocols.
    """

    control: str
    system: str
    head: str
    feature_set: str
    flaw: Literal["random-utterance", "dialogue-letter", "paper-tail", "best epoch on test"]
    protocol: str
    folds: int
    seeds: list[int]
    n: int
    over: str
    clusters: int
    few: str
    speakers: SharedContent
    dialogues: SharedContent
    epochs: list[int]
    leak: str
    metrics: dict[str, ControlMetricContent]
    difference: NotRequired[FlawDifferenceContent]


class FlawsContent(TypedDict):
    """What protocol flaws are worth: controls, never results."""

    honest: HonestContent
    rows: list[FlawContent]
    left_out: list[str]

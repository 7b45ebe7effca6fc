"""Define the configuration of a benchmark: parse it from a command line, and write the command that repeats it."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from benchmarks.evaluation.feature_sets import FeatureSet, parse_feature_sets
from benchmarks.evaluation.fold_features import CROSS_FITTED, check_logits
from benchmarks.evaluation.head_settings import SEED, check_params, check_searchable, format_param, parse_params
from benchmarks.evaluation.learning_curve import check_train_sizes
from benchmarks.evaluation.missing_policy import DROP, DROPOUT, check_modes, is_masking
from benchmarks.evaluation.soft_labels import LABELS, check_train_on
from benchmarks.evaluation.streaming import AUTO, check_mode
from benchmarks.evaluation.value_targets import HEADS, name_kind
from benchmarks.statistics.count_metrics import check_metric
from benchmarks.statistics.metrics import METRIC
from benchmarks.statistics.value_metrics import MEAN_CONCORDANCE, check_value_metric
from featurestore import registry
from featurestore.errors import BadValue
from featurestore.folds.group_split import DEV_PARTS
from featurestore.normalization import NONE, check_normalization

_ONE = "leave one of the two out"


@dataclass(frozen=True)
class BenchmarkConfig:
    """What a benchmark compares, parsed and checked.

    Args:
        heads: registry names.
        features: the feature sets; empty for one set of every default feature.
        labels: label scheme; by default the corpus's own.
        protocol: its registry name.
        fold: run only this one.
        split_seed: of the split, the same for all seeds, since encoders are fine-tuned on one split.
        seeds: of stochastic heads; the others run once.
        normalize: `none`, `global`, `speaker`; several are compared.
        logits: kinds of logits (`benchmarks.evaluation.fold_features.resolve`); several are compared.
        params: settings by head.
        search: how many settings to draw and try on dev; 0 for no search.
        inner_folds: how many parts of training take turns as dev, at most; 1 for the dev part only.
        permute: also measure permutation importance, of every head on a set with both modalities.
        train_sizes: also fit every head on these parts of training, above 0 and below 1, for a learning curve.
        allow_leakage: evaluate on leaked utterances, and mark the figures.
        allow_degenerate: normalize per speaker although most test utterances are of speakers of one class.
        flaws: also run every system under published protocol flaws (`benchmarks.evaluation.flaws`).
        metric: full name of the metric that systems are ranked and compared by, and that a search chooses settings by.
        stream: whether heads that can read rows in batches do: `auto`, where the matrix is large for the memory;
            `always`; or `never`.
        missing: what is done with utterances that lack a modality: `drop`, or `mask` and `both-trained`, which are
            compared.
        modality_dropout: of `both-trained`, the part of the complete training utterances that loses one modality.
        train_on: `labels`, `votes`; several are compared, each for the heads that can.
        agreement: keep only utterances whose most voted class has more than this share of the raters; None for all.
        target: names of the columns whose values are predicted, by regressors; empty where classes are.

    Raises:
        BadValue: a normalization, a kind of logits, a train size or a value of `missing` is invalid, there are flaws
            and a single fold or masks, no head can be streamed always, a head cannot train on votes, or there is a
            target beside labels, votes, an agreement, flaws or masks.
        UnknownName: a head, a setting of it, the metric, or what to train on is unknown.
    """

    heads: tuple[str, ...]
    features: tuple[FeatureSet, ...] = ()
    labels: str | None = None
    protocol: str = "holdout"
    fold: str | None = None
    split_seed: int = 0
    seeds: tuple[int, ...] = (0,)
    normalize: tuple[str, ...] = (NONE,)
    logits: tuple[str, ...] = (CROSS_FITTED,)
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    search: int = 0
    inner_folds: int = DEV_PARTS
    permute: bool = False
    train_sizes: tuple[float, ...] = ()
    allow_leakage: bool = False
    allow_degenerate: bool = False
    flaws: bool = False
    metric: str = METRIC
    stream: str = AUTO
    missing: tuple[str, ...] = (DROP,)
    modality_dropout: float = DROPOUT
    train_on: tuple[str, ...] = (LABELS,)
    agreement: float | None = None
    target: tuple[str, ...] = ()

    @property
    def masks(self) -> bool:
        """Whether utterances that lack a modality stay."""
        return is_masking(self.missing)

    def __post_init__(self) -> None:
        """Check the values for which no store is needed."""
        check_train_sizes(self.train_sizes)
        if self.target:
            self._check_target()
        else:
            check_metric(self.metric)
        if self.flaws and self.fold is not None:
            raise BadValue(
                "--flaws compares all folds of a protocol with all folds of another",
                got=f"--fold {self.fold}",
                do=_ONE,
            )
        check_modes(self.missing, self.modality_dropout)
        if self.flaws and self.masks:
            raise BadValue("--flaws compares complete utterances", got=f"--missing {','.join(self.missing)}", do=_ONE)
        for normalization in self.normalize:
            check_normalization(normalization)
        for logits in self.logits:
            check_logits(logits)
        for head in self.heads:
            check_params(head, self.params.get(head, {}), self.kind)
            if self.search:
                check_searchable(head, self.kind)
        check_mode(self.stream, self.heads, self.kind)
        if not self.target:
            check_train_on(self.train_on, self.heads)

    @property
    def kind(self) -> str:
        """The registry's kind of the heads: `heads`, or `regressors` where values are predicted."""
        return name_kind(self.target)

    @property
    def headline(self) -> str:
        """Full name of the metric to rank by: of values the mean concordance correlation, unless another is chosen."""
        return MEAN_CONCORDANCE if self.target and self.metric == METRIC else self.metric

    def _check_target(self) -> None:
        """Check that no option that is for classes alone is given beside a target."""
        check_value_metric(self.headline, self.target)
        of_classes = {
            f"--labels {self.labels}": self.labels is not None,
            "--flaws": self.flaws,
            f"--train-on {','.join(self.train_on)}": self.train_on != (LABELS,),
            f"--agreement {self.agreement}": self.agreement is not None,
            f"--missing {','.join(self.missing)}": self.masks,
        }
        if given := [option for option, is_given in of_classes.items() if is_given]:
            raise BadValue(
                f"{given[0]} is for classes, and --target predicts values",
                got=f"--target {','.join(self.target)} {' '.join(given)}",
                do=_ONE,
            )

    @classmethod
    def parse(
        cls, heads: Sequence[str], features: str | None = None, *, params: Sequence[str] = (), **options: Any
    ) -> Self:
        """Parse the texts of a command line.

        Args:
            heads: registry names.
            features: as `benchmarks.evaluation.feature_sets.parse_feature_sets` reads them.
            params: `HEAD.NAME=VALUE` texts.
            options: other fields, by name.

        Raises:
            BadValue: a setting is of another head, or is the seed; or as `parse_params` and `BenchmarkConfig` raise.
            UnknownName: as `parse_params` and `BenchmarkConfig` raise.

        >>> BenchmarkConfig.parse(["svm"], "audio.mean", params=["svm.C=2"]).params
        {'svm': {'C': 2}}
        """
        parsed = _parse_params(heads, params, name_kind(options.get("target", ())))
        return cls(tuple(heads), parse_feature_sets(features), params=parsed, **options)

    def command(self, store: Path, out: Path, test_store: Path | None = None, test_labels: str | None = None) -> str:
        """Write the `cli benchmark` command of this configuration, quoted for a shell, without default options.

        Args:
            store: the folder of the store; this and the other paths are written unchanged.
            out: the folder of the benchmark.
            test_store: of the protocol cross-corpus.
            test_labels: its label scheme.

        >>> config = BenchmarkConfig.parse(["svm"], "audio.mean", params=["svm.C=2"])
        >>> config.command(Path("my store"), Path("out"))
        "cli benchmark --store 'my store' --heads svm --features audio.mean --param svm.C=2 --out out"
        """
        words = [*self._plugins(), "--store", str(store), *self._options()]
        for name, value in (("--test-store", test_store), ("--test-labels", test_labels)):
            words += [name, str(value)] if value is not None else []
        return shlex.join(["cli", "benchmark", *words, "--out", str(out)])

    def _plugins(self) -> Iterator[str]:
        """Yield the plug-in files of heads and protocol, by name."""
        for kind, name in (*((self.kind, head) for head in self.heads), ("protocols", self.protocol)):
            if registry.is_known(kind, name) and (file := registry.describe_source(kind, name).get("file")):
                yield from ("--plugin", file)

    def _options(self) -> Iterator[str]:
        for one in fields(self):
            value, option = getattr(self, one.name), "--" + one.name.replace("_", "-")
            if one.name == "params":
                for head, params in self.params.items():
                    for name, setting in params.items():
                        yield from ("--param", f"{head}.{format_param(name, setting)}")
            elif value is True:
                yield option
            elif value != one.default:
                yield from (option, ",".join(map(str, value)) if isinstance(value, tuple) else str(value))


def _parse_params(heads: Sequence[str], texts: Sequence[str], kind: str = HEADS) -> dict[str, dict[str, Any]]:
    by_head: dict[str, list[str]] = {}
    for text in texts:
        head = max((head for head in heads if text.startswith(f"{head}.")), key=len, default="")
        if not head:
            raise BadValue(
                f"{text!r} is not a setting of a head in this benchmark",
                expected=f"HEAD.NAME=VALUE, HEAD one of {', '.join(heads)}",
                do="correct --param, or add the head to --heads",
            )
        by_head.setdefault(head, []).append(text.removeprefix(f"{head}."))
    found = {head: parse_params(head, given, kind) for head, given in by_head.items()}
    seeded = [head for head, params in found.items() if SEED in params]
    if seeded:
        raise BadValue(f"{seeded[0]}.{SEED} is given, but --seeds sets it", do="--seeds 0,1,2")
    return found

"""Search a head's settings on inner folds of training, by scikit-learn's search over draws from its `SPACE`."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from benchmarks.evaluation.head_settings import join_params
from benchmarks.evaluation.soft_labels import SoftLabels
from benchmarks.statistics.count_metrics import score
from benchmarks.statistics.formatting import name_metric
from benchmarks.statistics.metrics import METRIC
from benchmarks.statistics.value_answers import score_values
from featurestore.head_inputs import give, list_taken
from featurestore.masked_heads import read_params
from heads import Inputs

_SEEN = (
    "an encoder was fine-tuned on the utterances that settings were chosen on, so its features are more confident "
    "there than on test utterances, and the choice may be optimistic; test utterances were not used"
)


@dataclass(frozen=True)
class SearchResult:
    """The settings that a search chose.

    Args:
        draws: the number of settings that were drawn.
        inner_folds: how many parts of training take turns as dev, at most.
        folds: by fold the chosen value of each searched setting.
        bundle: the same of the bundle's head.
        seen: whether an encoder was fine-tuned on utterances that the settings were chosen on.
        metric: full name of the metric that they were chosen by.
    """

    draws: int
    inner_folds: int
    folds: Mapping[str, Mapping[str, Any]]
    bundle: Mapping[str, Any] = field(default_factory=dict)
    seen: bool = False
    metric: str = METRIC

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain JSON, with a note if an encoder was fine-tuned on the inner folds."""
        return {
            "draws": self.draws,
            "parts": self.inner_folds,
            "folds": {name: dict(chosen) for name, chosen in self.folds.items()},
            "bundle": dict(self.bundle),
            "note": _SEEN if self.seen else "",
        }

    def lines(self, bundled: bool) -> list[str]:
        """Write the chosen settings of each fold in lines for a user, and those of the bundle where `bundled`."""
        chosen = {f"fold {name}": settings for name, settings in self.folds.items()}
        if bundled:
            chosen["bundle"] = self.bundle
        width = max(map(len, chosen))
        return [
            f"searched: the best of the given settings and {self.draws} drawn ones by {name_metric(self.metric)}, on "
            "inner folds of training",
            *(f"  {name:<{width}}  {join_params(settings)}" for name, settings in chosen.items()),
            *([f"  note: {_SEEN}"] if self.seen else []),
        ]


def search(
    kind: Any,
    params: dict[str, Any],
    inputs: Inputs,
    y: Any,
    parts: Sequence[int],
    draws: int,
    seed: int,
    metric: str = METRIC,
    soft: SoftLabels | None = None,
    targets: Sequence[str] = (),
) -> dict[str, Any]:
    """Choose the best settings on dev, among the head's own and `draws` from its `SPACE`.

    Each part takes its turn as dev, and the head is fitted on the others. The best has the highest metric, averaged
    over the parts (nested cross-validation: Cawley and Talbot 2010, "On Over-fitting in Model Selection"). The test
    part is not among the rows.

    Args:
        kind: the head's class.
        params: given settings, which are not searched.
        inputs: what to learn from, dev included (N targets).
        y: their classes (N,), or values (N, T).
        parts: by target the number of its part, counted from 0; -1 for those that are always fitted on (N,).
        draws: how many settings to draw.
        seed: of the draws.
        metric: full name of the metric to choose by.
        soft: distributions to learn in place of y, or None.
        targets: T names, of values.

    Returns:
        `params` with the chosen settings.
    """
    from sklearn.model_selection import ParameterSampler

    values = {name: choices for name, choices in kind.SPACE.items() if name not in params}
    if not values:
        return dict(params)
    most = math.prod(map(len, values.values()))
    drawn = list(ParameterSampler(values, min(draws, most), random_state=seed))
    default = {name: read_params(kind(**params))[name] for name in values}
    candidates: list[dict[str, Any]] = [params | one for one in (default, *drawn)]
    truth, part = np.asarray(y), np.asarray(parts)
    rate = partial(score_values, metric=metric, targets=targets) if targets else partial(_score_classes, metric=metric)
    by_part = [
        _score_part(kind, candidates, inputs, truth, part == turn, rate, soft)
        for turn in sorted(set(part.tolist()) - {-1})
    ]
    scores = [float(np.mean(values)) for values in zip(*by_part, strict=True)]
    return candidates[int(np.argmax(scores))]  # the first of equals: the default before drawn ones


def _score_classes(truth: np.ndarray, prediction: np.ndarray, metric: str) -> float:
    return score(truth.tolist(), prediction.tolist(), metric)


def _score_part(
    kind: Any,
    candidates: Sequence[dict[str, Any]],
    inputs: Inputs,
    y: np.ndarray,
    dev: np.ndarray,
    rate: Callable[[np.ndarray, np.ndarray], float],
    soft: SoftLabels | None,
) -> list[float]:
    """Rate each setting on one part (N,), a mask, fitted on the others with what the fits share."""
    train, held_out = inputs.select(np.flatnonzero(~dev)), inputs.select(np.flatnonzero(dev))
    shared = _SharedWork(kind, train)
    learned = {"distributions": soft.select(np.flatnonzero(~dev), y[~dev].tolist())} if soft else {}
    scores = []
    for params in candidates:
        head = kind(**params)
        head.fit(give(head, train), y[~dev], **shared.for_head(head), **learned)
        scores.append(rate(y[dev], head.predict(give(head, held_out))))
    return scores


class _SharedWork:
    """What fits to the same rows share, computed by the head's `share` when it is first used."""

    def __init__(self, kind: Any, train: Inputs) -> None:
        self._kind, self._train = kind, train
        self._work: dict[frozenset[str], Any] = {}  # by what a head takes, which may depend on its settings

    def for_head(self, head: Any) -> dict[str, Any]:
        """Return the arguments of `fit` that share work: none for a head that shares nothing."""
        if not hasattr(self._kind, "share"):
            return {}
        taken = list_taken(head)
        if taken not in self._work:
            self._work[taken] = self._kind.share(give(head, self._train))
        return {} if self._work[taken] is None else {"shared": self._work[taken]}

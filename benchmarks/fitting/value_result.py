"""Hold a fitted regressor with its figures, and format it as JSON and as tables."""

from collections.abc import Sequence
from typing import Any

from benchmarks.fitting.result import FittedHead, FoldResult
from benchmarks.statistics.formatting import align_cells, format_value_interval, name_metric
from benchmarks.statistics.value_metrics import CONCORDANCE, MEAN_CONCORDANCE, TARGET_METRICS, name_target_metric


class FittedRegressor(FittedHead):
    """A fitted regressor of valence, activation or dominance with its figures. Metrics are on the scale of 0 to 1."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the values that it predicts."""
        return self.bundle.targets

    def to_json(self) -> dict[str, Any]:
        """Return everything but the weights and the predictions, as plain JSON."""
        content = super().to_json()
        for fold in (content, *content["folds"]):
            fold.pop("classes")
        content.pop("labels")
        return content | {"targets": list(self.targets), "strata": self._name_strata()}

    def _describe_task(self) -> str:
        bundle = self.bundle
        return f"regressor {bundle.head_name} on {bundle.corpus}, targets: {', '.join(self.targets)}"

    def _describe_setup(self) -> list[str]:
        return [*super()._describe_setup(), f"balanced by {self._name_strata()}, where the protocol balances classes"]

    def _name_strata(self) -> str:
        return f"quarters of {self.targets[0]}"

    def _list_tables(self, rows: Sequence[FoldResult]) -> list[str]:
        """Write the concordance correlation of each fold, and below it every metric of each target."""
        several = self.targets if len(self.targets) > 1 else ()  # the mean of one is its own
        shown = [MEAN_CONCORDANCE, *(name_target_metric(target, CONCORDANCE) for target in several)]
        by_fold = [["fold", "train", "test", name_metric(shown[0]), *(f"of {target}" for target in several)]]
        by_fold += [_write_fold(row, shown) for row in rows]
        by_target = [["target", *map(name_metric, TARGET_METRICS)]]
        by_target += [
            [target, *_write_figures(self.pooled, [name_target_metric(target, name) for name in TARGET_METRICS])]
            for target in self.targets
        ]
        return [*align_cells(by_fold), "", *align_cells(by_target)]


def _write_fold(row: FoldResult, metrics: Sequence[str]) -> list[str]:
    return [row.name, "" if row.train is None else str(row.train), str(row.test), *_write_figures(row, metrics)]


def _write_figures(row: FoldResult, metrics: Sequence[str]) -> list[str]:
    mark, found = "!" if row.leak else "", [row.metrics[name] for name in metrics]
    return [format_value_interval(one.value, one.low, one.high, mark) for one in found]

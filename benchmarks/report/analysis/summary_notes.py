"""Write the notes below the leaderboard: the caveats of its figures."""

import math
from collections.abc import Iterator, Sequence

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.evaluation.exposure_notes import note_exposures
from benchmarks.grid.run_records import RunRecord
from benchmarks.grid.value_results import AnyResults
from benchmarks.report.analysis.system_types import ControlContent, SystemContent
from benchmarks.statistics.formatting import format_percent, name_metric
from benchmarks.statistics.metrics import METRIC
from benchmarks.statistics.value_metrics import MEAN_CONCORDANCE
from featurestore.manifest import map_column

SHOWN = ("accuracy", "unweighted_average_recall", "macro_f1", "weighted_f1")  # metrics of the leaderboard
_CONTEXTS = {
    "whole dialogue": "the head reads the whole dialogue, later turns and turns without a label included",
    "past turns": "the head reads the earlier turns of the dialogue, turns without a label included",
}
_NAMED = 3  # systems that a note names


def write_notes(
    results: AnyResults, leaderboard: Sequence[SystemContent], controls: Sequence[ControlContent]
) -> list[str]:
    """Return the notes, each one sentence without a full stop."""
    return [
        *(note for note in (results.clusters.few, results.clusters.note) if note),
        *note_exposures({name: one["made"] for name, one in results.about["encoders"].items()}),
        *_normalization(results),
        *_search(results),
        *_context(leaderboard),
        *_approximations(results),
        *_utterances(results),
        *(() if results.targets else ("McNemar's test uses the first seed and treats utterances as independent",)),
        *_equal_baselines(leaderboard),
        *_low_baseline(leaderboard, results),
        *_zero_width(leaderboard, controls, results.clusters.over),
    ]


def _normalization(results: AnyResults) -> Iterator[str]:
    for way, note in results.about["normalize"].items():
        if note:
            yield f"{way} normalization: {note}"


def _search(results: AnyResults) -> Iterator[str]:
    about = results.about
    once = sorted({_name_head(system.record) for system in results.systems if not system.record.stochastic})
    if about["tune"]:
        metric = name_metric(results.searched_metric)
        yield (
            f"settings: the best of the defaults and {about['tune']} drawn settings by {metric} on "
            f"{_dev_parts(results)}, then fitted on training and dev together"
        )
        if about["protocol"] == "script-disjoint":
            yield (
                "dev parts are whole scripts, but copies of their texts may be in the rest of training, so the search "
                "may favor settings that memorize texts; no test text has a copy in training"
            )
        if any(one.get("dev") for made in about["encoders"].values() for one in made["tuned_on"].values()):
            yield (
                "an encoder was fine-tuned on the utterances that settings were chosen on, so its features are more "
                "confident there than in test, and the choice may be optimistic; test utterances were not used"
            )
    elif once and len(about["seeds"]) > 1:
        yield f"deterministic, run with one seed: {', '.join(once)}"


def _name_head(record: RunRecord) -> str:
    return f"{record.head} (missing {record.missing})" if record.missing else record.head


def _context(leaderboard: Sequence[SystemContent]) -> Iterator[str]:
    contexts = {row.get("context") for row in leaderboard}
    yield from (f"{name}: {note}" for name, note in _CONTEXTS.items() if name in contexts)


def _approximations(results: AnyResults) -> Iterator[str]:
    for system in results.systems:
        found = [run.record.approximation for run in system.runs if run.record.approximation]
        if found:
            runs = f"in {len(found)} of {len(system.runs)} runs"
            yield f"{system.name} is approximated {runs}, the first of them by {found[0]}"


def _utterances(results: AnyResults) -> Iterator[str]:
    about = results.about
    if found := about.get("agreement"):
        lost = sum(found["left_out"].values()), sum(found["without_votes"].values())
        yield (
            f"only utterances whose most voted class has more than {format_percent(found['share'])} % of the raters "
            f"are used, in training and in test: {found['kept']} are kept, {lost[0]} left out for less agreement and "
            f"{lost[1]} without votes"
        )
    if any(system.record.train_on for system in results.systems):
        yield (
            "trained on votes: the head learned the share of the raters who chose each class; recall, accuracy and F1 "
            "are by the labels all the same"
        )
    if about["left_out"]:
        reason = "without a value of every target are" if results.targets else ""
        count = sum(about["left_out"].values())
        yield f"{count} utterances {reason} left out" if reason else f"the label scheme leaves out {count} utterances"
    if about["dropped"]:
        yield f"{len(about['dropped'])} utterances lack a feature and are left out"
    for modality, found in about.get("missing", {}).get("lacking", {}).items():
        if tested := len(found.keys() & set(results.ids)):
            yield f"{tested} test utterances lack {modality} and are predicted without it"
    unused = sum(len(fold.unused) for fold in results.folds)
    if unused:
        yield f"{unused} training utterances are left out over all folds because test has a copy of their text"


def _equal_baselines(rows: Sequence[SystemContent]) -> Iterator[str]:
    for row in rows:
        if others := row.get("equals", []):
            more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
            yield (
                f"{row['head']} gives the same predictions whatever the features, so it is counted once: "
                f"{row['system']} stands for {', '.join(others[:_NAMED])}{more}"
            )


def _low_baseline(rows: Sequence[SystemContent], results: AnyResults) -> Iterator[str]:
    """Explain a baseline below chance: the largest class, or the mean, of training differs between folds."""
    if results.targets:
        yield from _low_means(rows)
        return
    chance = 1 / len({results.about["classes"][utterance_id] for utterance_id in results.ids})
    values = [row["metrics"][METRIC]["value"] for row in rows if is_baseline(row["head"])]
    if values and min(values) < chance - 1e-9:
        yield (
            f"the baseline predicts another class from fold to fold and reaches {format_percent(min(values))} %; a "
            f"constant prediction has an unweighted average recall of {format_percent(chance)} %, which is the floor"
        )


def _low_means(rows: Sequence[SystemContent]) -> Iterator[str]:
    if any(row["metrics"][MEAN_CONCORDANCE]["value"] < 0 for row in rows if is_baseline(row["head"])):
        yield (
            "the baseline predicts the mean of training, which is lower where that of test is higher: its correlations "
            "are below 0 over all folds, and 0 within each fold"
        )


def _zero_width(rows: Sequence[SystemContent], controls: Sequence[ControlContent], over: str) -> Iterator[str]:
    """Explain intervals of width 0, except of baselines: a constant prediction always has 1 / classes."""
    named = [(row["system"], row) for row in rows] + [(row["control"], row) for row in controls]
    names = [name for name, row in named if not is_baseline(row["head"]) and _has_zero_width(row)]
    if names:
        more = " …" if len(names) > _NAMED else ""
        yield (
            f"an interval of {', '.join(names[:_NAMED])}{more} has no width because every resample gives the same "
            f"value: it does not show how other {over} would differ"
        )


def _has_zero_width(row: SystemContent | ControlContent) -> bool:
    shown = [name for name in (*SHOWN, MEAN_CONCORDANCE) if name in row["metrics"]]
    ends = [(row["metrics"][name]["low"], row["metrics"][name]["high"]) for name in shown]
    return any(low is not None and high is not None and math.isclose(low, high, abs_tol=1e-9) for low, high in ends)


def _dev_parts(results: AnyResults) -> str:
    if _has_own_dev(results):
        return "the corpus's own dev partition"
    most = 1 + max(len(fold.turns) for fold in results.folds)
    if most == 1:
        return "a dev part cut from training by the protocol's own grouping"
    return f"{most} inner folds of training (their mean), cut by the protocol's own grouping"


def _has_own_dev(results: AnyResults) -> bool:
    """Tell whether dev is the corpus's own partition, not cut from training by the protocol."""
    partition = map_column(results.utterances, "partition")
    dev = [partition[utterance_id].lower() for fold in results.folds for utterance_id in fold.dev]
    return results.about["protocol"] == "official" and not any(name.startswith("train") for name in dev)

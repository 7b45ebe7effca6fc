"""Choose the feature sets that a head can read, and say which it cannot."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.evaluation.feature_sets import FeatureSet, fill_feature_sets, find_modality, names_words
from benchmarks.evaluation.source import FeatureSource
from benchmarks.evaluation.value_targets import HEADS
from featurestore import registry
from featurestore.errors import Mismatch, UnknownName, quote
from featurestore.head_inputs import FRAMES, WORDS, list_taken
from featurestore.plugin_errors import explain_errors
from featurestore.spec import GOLD

TRANSCRIPTS = FeatureSet("transcripts")


def choose_feature_sets(
    store: FeatureSource,
    head: str,
    params: Mapping[str, Any],
    feature_sets: Sequence[FeatureSet],
    say: Callable[[str], None],
    kind: str = HEADS,
) -> list[FeatureSet]:
    """Fill feature sets with the kind of feature that a head reads, and keep those that it can read.

    Args:
        store: the features.
        head: its registry name.
        params: its settings.
        feature_sets: as `parse_feature_sets` gives them; empty for one set of every default feature. `asr.text` is no
            feature but the words of transcript `asr`, `gold.text` those of the corpus, for heads that read words alone.
        say: receives a line for each set that the head cannot read.
        kind: of the head in the registry: `heads` or `regressors`.

    Returns:
        The sets; without features for a head that reads words alone, by default the words of the corpus.

    Raises:
        Mismatch: it can read none of them.
        NotFound, UnknownName, BadValue: as `fill_feature_sets` raises.
    """
    estimator = construct(head, params, kind)
    words = [one for one in feature_sets if _names_words(store, one)]
    if list_taken(estimator) == {WORDS}:
        for one in (one for one in feature_sets if one not in words):
            say(f"left out: head {head} reads the words of transcripts and no features (features {one.name})")
        return [_choose_words(one) for one in words] or [TRANSCRIPTS]
    if words and len(words) == len(feature_sets):
        raise Mismatch(
            f"head {head} reads features, and {words[0].name} are words",
            do="choose a head that reads words alone, such as text-cnn with --param embedding=own, or other features",
        )
    for one in words:
        say(f"left out: head {head} reads features, and {one.name} are words")
    feature_sets = [one for one in feature_sets if one not in words]
    filled, reasons = _fill(store, head, estimator, feature_sets)
    obstacles = {one.name: _find_obstacle(store, head, estimator, one) for one in filled}
    fitting = [one for one in filled if not obstacles[one.name]]
    reasons += [f"{obstacles[one.name]} (features {one.name})" for one in filled if obstacles[one.name]]
    if not fitting:
        raise Mismatch(reasons[0], do=_suggest(store, estimator))
    for reason in reasons:
        say(f"left out: {reason}")
    return fitting


def _names_words(store: FeatureSource, feature_set: FeatureSet) -> bool:
    return len(feature_set.features) == 1 and names_words(store, str(feature_set.features[0]))


def _choose_words(feature_set: FeatureSet) -> FeatureSet:
    """Return a set without features, of the words that it names."""
    name = feature_set.features[0].encoder
    return TRANSCRIPTS if name == GOLD else FeatureSet(feature_set.name, words=name)


def construct(head: str, params: Mapping[str, Any], kind: str = HEADS) -> Any:
    """Construct a head, or a regressor, with its settings, and explain a plug-in that fails."""
    with explain_errors(kind, head, "its constructor"):
        return registry.load(kind, head)(**params)


def _fill(
    store: FeatureSource, head: str, estimator: Any, feature_sets: Sequence[FeatureSet]
) -> tuple[list[FeatureSet], list[str]]:
    """Fill feature sets, and describe each ready set that has nothing of the kind that a head reads."""
    kind, modality = getattr(estimator, "KIND", ""), getattr(estimator, "modality", "")
    fillable, reasons = [], []
    for one in feature_sets:
        try:
            fill_feature_sets(store, (one,), kind, modality)
        except UnknownName as problem:
            if one.features or one.bare or not kind:
                raise
            reasons.append(f"head {head} reads {kind}, and {problem.what}")
        else:
            fillable.append(one)
    every_one_empty = feature_sets and not fillable
    return [] if every_one_empty else fill_feature_sets(store, fillable, kind, modality), reasons


def _find_obstacle(store: FeatureSource, head: str, estimator: Any, feature_set: FeatureSet) -> str:
    """Describe why a head cannot read a feature set, or return an empty string."""
    taken, kind = list_taken(estimator), getattr(estimator, "KIND", "")
    ragged = any(feature.is_ragged for feature in feature_set.features)
    wholes = {feature.kind for feature in feature_set.features if feature.index is None}
    if ragged and FRAMES not in taken:
        return f"head {head} reads one vector of an utterance, not all of its frames"
    if kind and kind not in wholes:
        return f"head {head} reads {kind}, and these are none"
    found = {find_modality(store, feature.encoder) for feature in feature_set.features}
    needed = _list_needed(estimator)
    missing = [modality for modality in needed if modality not in found]
    return f"head {head} needs {' and '.join(needed)}, and there is no {' and no '.join(missing)}" if missing else ""


def _list_needed(estimator: Any) -> tuple[str, ...]:
    """List the modalities that a head cannot do without."""
    needed: tuple[str, ...] = estimator.list_modalities() if list_taken(estimator) else ()
    return needed


def _suggest(store: FeatureSource, estimator: Any) -> str:
    kind, needed = getattr(estimator, "KIND", ""), _list_needed(estimator)
    if needed:
        return _suggest_modalities(store, kind, needed)
    if kind:
        return f"--features ENCODER.{kind}; what the store has: cli inspect {quote(store.path)}"
    return "a number of frames makes a vector: ENCODER.frames[170]; heads that take all frames: cli list heads"


def _suggest_modalities(store: FeatureSource, kind: str, needed: Sequence[str]) -> str:
    """Suggest a feature of each modality that a head needs, or to extract one where the store has none."""
    known = [feature for one in fill_feature_sets(store, (), kind) for feature in one.features]
    found = {find_modality(store, feature.encoder): feature for feature in reversed(known)}
    if missing := [modality for modality in needed if modality not in found]:
        with_kind = f" with --{kind}" if kind else ""
        return f"extract an encoder of {' and of '.join(missing)}{with_kind}: cli extract --store {quote(store.path)}"
    return f"give features of {' and '.join(needed)}, such as {' and '.join(str(found[one]) for one in needed)}"

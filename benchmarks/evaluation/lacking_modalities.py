"""Find the utterances that lack a modality, and check that heads can be masked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.evaluation.fold_features import ResolvedFeatures
from benchmarks.evaluation.head_features import construct
from benchmarks.evaluation.permutation_importance import list_modalities
from benchmarks.evaluation.source import FeatureSource
from benchmarks.evaluation.task import SHOWN, Task
from featurestore.errors import BadValue, Mismatch
from featurestore.folds.fold import Fold
from featurestore.head_inputs import WORDS, list_taken

Lacking = Mapping[str, Mapping[str, str]]  # by modality and id, why it is not there


def check_masking(
    store: FeatureSource,
    heads: Sequence[str],
    params: Mapping[str, Mapping[str, Any]],
    features: Sequence[ResolvedFeatures],
) -> None:
    """Check that a modality can be masked: in some feature set, and for every head.

    Raises:
        BadValue: no feature set has both modalities, or a head reads words.
    """
    for head in heads:
        if WORDS in list_taken(construct(head, params.get(head, {}))):
            raise BadValue(
                f"head {head} cannot be masked: it reads the words of transcripts, and nothing stands in for them",
                do="--missing drop, or choose another head",
            )
    if not any(list_modalities(store, one.features) for one in features):
        raise BadValue(
            "no modality can be masked: no feature set has both text and audio",
            got=", ".join(one.name for one in features),
            do="give features of both, or --missing drop",
        )


def find_lacking(task: Task, features: Sequence[ResolvedFeatures]) -> dict[str, dict[str, str]]:
    """Find the utterances with a class that lack a feature of a modality, in any fold, by modality and id, and why."""
    store, by_modality = task.store, dict[str, list[str]]()
    for file in dict.fromkeys(file for one in features for fold in one.folds for file in fold.all_files):
        by_modality.setdefault(store.modality(file.encoder), []).append(str(file))
    found: dict[str, dict[str, str]] = {}
    for modality, files in by_modality.items():
        available, failures = set(store.available(files)), store.failures(files)
        found[modality] = {one: failures.get(one, "not extracted") for one in task.classes if one not in available}
    return found


def find_unusable(lacking: Lacking) -> dict[str, str]:
    """Find the utterances that lack every modality, and why."""
    if not lacking:
        return {}
    (first, *others) = lacking.values()
    return {one: why for one, why in first.items() if all(one in other for other in others)}


def describe_lacking(lacking: Lacking, count: int) -> Iterator[str]:
    """Yield a line for the user about each modality that some of `count` utterances lack."""
    for modality, found in lacking.items():
        if found:
            shown = ", ".join(f"{one} ({why})" for one, why in list(found.items())[:SHOWN])
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            yield f"{len(found)} of {count} utterances lack {modality} and stay: {shown}{more}"


def check_lacking(folds: Sequence[Fold], lacking: Lacking) -> None:
    """Check that some training utterance of each fold has each modality.

    Raises:
        Mismatch: none has.
    """
    for fold in folds:
        for modality, found in lacking.items():
            if all(one in found for one in (*fold.train, *fold.dev)):
                raise Mismatch(
                    f"fold {fold.name}: no training utterance has {modality}",
                    do=f"extract its features (cli extract), or give --features without {modality}",
                )

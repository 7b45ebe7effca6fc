"""Up to five folds that share no script and no text between training and test, near copies included."""

from collections.abc import Mapping, Sequence

from featurestore.errors import Mismatch
from featurestore.folds.fold import Fold
from featurestore.folds.group_folds import group_kfold
from featurestore.folds.text_copies import find_copies, link_copies
from featurestore.manifest import Utterance, keep_ids, map_column

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = False


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Test each script in one of up to five folds, drawn by the seed.

    A script is never split. A training utterance whose text is a copy or near copy of a test utterance's is left out
    (`unused`): everyday phrases occur in every script, so that joining the scripts that share one would join them all.
    Utterances without a script are grouped by text instead, linked by chains of copies. For the definition of a near
    copy see `featurestore.folds.text_copies.match_copies`. A dev part is split by script alone: its texts may have
    copies in the rest of training.

    Raises:
        Mismatch: there is only one group, or an utterance has neither script nor text.
    """
    kept = keep_ids(utterances, classes)
    texts, scripts = map_column(kept, "text"), map_column(kept, "script")
    bare = [one for one, script in scripts.items() if not script and not texts[one].strip()]
    if bare:
        raise Mismatch(
            f"{len(bare)} of {len(kept)} utterances have neither script nor text, for example {bare[0]}",
            do="fill the column script or text of the manifest, or use another protocol: cli list protocols",
        )
    return [_drop_copies(fold, texts) for fold in group_kfold("script", groups(kept), classes, seed)]


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Group utterances by script, and those without one by text, linked by chains of copies."""
    scripts = map_column(utterances, "script")
    linked = link_copies({one: text for one, text in map_column(utterances, "text").items() if not scripts[one]})
    return {one: script or f" {linked[one]}" for one, script in scripts.items()}


def _drop_copies(fold: Fold, texts: Mapping[str, str]) -> Fold:
    copied = find_copies(fold.train, fold.test, texts)
    train, unused = (tuple(one for one in fold.train if (one in copied) == side) for side in (False, True))
    return Fold(fold.name, train, fold.test, unused=unused)

"""Up to five folds that share no script and no text between training and test, near copies included."""

from collections.abc import Mapping, Sequence

from featurestore.errors import Mismatch
from featurestore.folds.fold import Fold
from featurestore.folds.near_copies import components, given_away
from featurestore.manifest import Utterance
from featurestore.protocols._groups import kfold

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = False


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Tests each script in one of five folds, drawn by the seed.

    A script stays together, and training utterances of another script whose text is a copy or near copy of a test
    utterance's are left out of training (`unused`): everyday phrases stand in every script, and joining the scripts
    that share one would join them all. Of utterances without a script, texts stay together that a chain of copies
    links. See `featurestore.folds.near_copies`. A dev part is cut by script alone: its texts may
    have copies in the rest of training.

    Raises:
        Mismatch: there is only one group; an utterance has neither script nor text.
    """
    kept = [row for row in utterances if row.id in classes]
    bare = [row.id for row in kept if not row.script and not row.text.strip()]
    if bare:
        raise Mismatch(
            f"{len(bare)} of {len(kept)} utterances have neither script nor text, {bare[0]} among them",
            do="fill the column script or text of the manifest, or take another protocol: cli list protocols",
        )
    texts = {row.id: row.text for row in kept}
    return [_without_copies(fold, texts) for fold in kfold("script", groups(kept), classes, seed)]


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """A script stays together; of utterances without one, the texts that a chain of copies links."""
    linked = components({row.id: row.text for row in utterances if not row.script})
    return {row.id: row.script or f" {linked[row.id]}" for row in utterances}


def _without_copies(fold: Fold, texts: Mapping[str, str]) -> Fold:
    known = given_away(fold.train, fold.test, texts)
    train = tuple(name for name in fold.train if name not in known)
    return Fold(fold.name, train, fold.test, unused=tuple(name for name in fold.train if name in known))

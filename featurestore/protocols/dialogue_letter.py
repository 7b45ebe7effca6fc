"""One fold per letter in IEMOCAP's dialogue names (`01F`), as in Cai et al. 2021. Test speakers are in training."""

import re
from collections.abc import Mapping, Sequence

from featurestore.errors import Mismatch
from featurestore.folds.fold import Fold
from featurestore.folds.group_folds import group_by, leave_one_group_out, require_column
from featurestore.manifest import Utterance

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = False  # both speakers of a session talk in the dialogues of either letter
_NAME = re.compile(r"Ses([0-9]+[FM])_.+")
_SHOWN = 3  # names that a message lists


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Build one fold per session and letter, named after them (`01F`, `01M`, …), in natural order.

    The seed is not used.

    The letter of `Ses01F_impro01` says which of the two speakers wore the motion markers, not who speaks. Cai et al.
    2021, "Speech Emotion Recognition with Multi-Task Learning" (TideDancer/interspeech21_emotion), call these folds
    leave-one-speaker-out. In their tables the test part 01F holds 237 turns of the woman and 270 of the man, and both
    are in training too. So the figures are of known voices: use this protocol to measure what that is worth.

    Raises:
        Mismatch: an utterance has no dialogue, a dialogue is not named in this way, or there is only one letter.
    """
    dialogues = require_column("dialogue", utterances, classes)
    odd = sorted({name for name in dialogues.values() if not _NAME.fullmatch(name)})
    if odd:
        raise Mismatch(
            f"{len(odd)} of {len(set(dialogues.values()))} dialogues have no session and letter in their name",
            expected="names as in IEMOCAP, such as Ses01F_impro01",
            got=", ".join(odd[:_SHOWN]) + (", …" if len(odd) > _SHOWN else ""),
            do="--protocol dialogue-kfold, which splits dialogues of any name",
        )
    return leave_one_group_out("letter", {one: _NAME.sub(r"\1", name) for one, name in dialogues.items()})


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Group utterances by dialogue."""
    return group_by("dialogue", utterances)

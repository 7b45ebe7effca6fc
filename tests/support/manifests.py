"""Generate manifests that fill every column, for property tests of protocols."""

import typing
from functools import cache

from hypothesis import strategies as st

from featurestore.manifest import Utterance

SCHEME = {"ang": "angry", "hap": "happy", "exc": "happy", "sad": "sad"}  # leaves out `xxx` and the empty label
_COLUMNS = typing.get_type_hints(Utterance)
TEXTS = ["Yes.", "yes", "", "I told you not to go", "He told you: not to go!", "We lost the letter again today", "Oh."]


@st.composite
def manifests(draw):
    """Draw a manifest of 2 to 4 sessions with two speakers each, in which every speaker has every class.

    Columns that no line below sets, such as one that was added to the manifest, repeat a few values. Nearly everything
    comes from one drawn seed: hundreds of draws would take most of the time of a test.
    """
    named = draw(st.booleans())  # whether dialogues are named by session and letter, as in IEMOCAP
    speakers = [(session, gender) for session in range(1, draw(st.integers(2, 4)) + 1) for gender in "FM"]
    chance = draw(st.randoms(use_true_random=True))
    cycles = {column: _cycle(_fill(draw, chance, column, kind), chance) for column, kind in _COLUMNS.items()}
    rows = []
    for turn, (session, gender) in enumerate(speakers):
        extra = chance.choices([*SCHEME, "xxx", ""], k=chance.randint(0, 12))
        for label in [*SCHEME, *extra]:
            number = len(rows)
            speaker = f"Ses{session:02}{gender}"
            script = chance.choice([f"script{number % 5}"] * 3 + [""])
            scene = f"Ses{session:02}{'FM'[number % 2]}_impro" if named else "talk"
            # Most texts are unique: otherwise every script would share a text with every other script. Utterances with
            # neither text nor script are refused, so none is drawn.
            text = chance.choice([f"Line {number}"] * 9 + [text for text in TEXTS if text or script])
            row = Utterance(
                **{column: cycle(turn, number) for column, cycle in cycles.items()}
                | {
                    "id": f"{speaker}_{number:03}",
                    "text": text,
                    "label": label,
                    "speaker": speaker,
                    "gender": gender,
                    "session": str(session),
                    "script": script,
                    "dialogue": f"{scene}{number % 3}",
                    "partition": "test" if session == 1 else chance.choice(["train", "train", "dev"]),
                }
            )
            rows.append(row)
    return chance.sample(rows, len(rows))


def apply_scheme(utterances):
    """Return the class by id of the utterances that SCHEME keeps."""
    return {row.id: SCHEME[row.label] for row in utterances if row.label in SCHEME}


def _fill(draw, chance, column, kind):
    """Return two to four values of a column, which differ."""
    if kind is str:
        return chance.sample([f"{column}{number}" for number in range(4)], chance.randint(2, 4))
    return draw(_lists(kind))


def _cycle(values, chance):
    """Return the value of a row by its speaker's turn and its number: it changes by speaker or by utterance."""
    if chance.random() < 0.5:
        return lambda turn, number: values[turn % len(values)]
    return lambda turn, number: values[(turn + number) % len(values)]


@cache
def _lists(kind):
    """Return the strategy of a column's values. Hypothesis examines a strategy once, which takes most of its time."""
    values = st.floats(0, 60, allow_subnormal=False) if float in typing.get_args(kind) else st.from_type(kind)
    return st.lists(values, min_size=2, max_size=4, unique=True)

"""Generate manifests that fill every column, for property tests of protocols."""

import typing
from functools import cache

from hypothesis import strategies as st

from featurestore.manifest import Utterance

SCHEME = {"ang": "angry", "hap": "happy", "exc": "happy", "sad": "sad"}  # leaves out `xxx` and the empty label
TEXTS = ["Yes.", "yes", "", "I told you not to go", "He told you: not to go!", "We lost the letter again today", "Oh."]


@st.composite
def manifests(draw):
    """Draw a manifest of 2 to 4 sessions with two speakers each, in which every speaker has every class.

    Columns that no line below draws, such as one that was added to the manifest, repeat a few drawn values. What
    changes from row to row comes from one drawn seed: hundreds of draws would take most of the time of a test.
    """
    cycles = {column: draw(_cycles(column, kind)) for column, kind in typing.get_type_hints(Utterance).items()}
    named = draw(st.booleans())  # whether dialogues are named by session and letter, as in IEMOCAP
    speakers = [(session, gender) for session in range(1, draw(st.integers(2, 4)) + 1) for gender in "FM"]
    chance = draw(st.randoms(use_true_random=True))
    rows = []
    for turn, (session, gender) in enumerate(speakers):
        extra = draw(st.lists(st.sampled_from([*SCHEME, "xxx", ""]), max_size=12))
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


@st.composite
def _cycles(draw, column, kind):
    """Draw a few values of a column, and whether they change by speaker or by utterance."""
    values = draw(_lists(column, kind))
    if draw(st.booleans()):
        return lambda turn, number: values[turn % len(values)]
    return lambda turn, number: values[(turn + number) % len(values)]


@cache
def _lists(column, kind):
    """Return the strategy of a column's values. Hypothesis examines a strategy once, which takes most of its time."""
    return st.lists(_values(column, kind), min_size=2, max_size=4, unique=True)


def _values(column, kind):
    if kind is str:
        return st.sampled_from([f"{column}{number}" for number in range(4)])
    if float in typing.get_args(kind):
        return st.floats(0, 60, allow_subnormal=False)
    return st.from_type(kind)

"""MSP-IMPROV, acted and improvised dialogues: 12 actors, 6 sessions, 4 emotions and ratings, 8,438 turns."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Reading,
    ReleaseFiles,
    build_reading,
    decode_reported,
    find_label_file,
    format_votes,
    parse_number,
    read_texts,
    refuse_release,
    write_clip,
    write_lines,
)
from featurestore.corpora._msp_votes import RATINGS, parse_vote, report_ratings
from featurestore.manifest import Utterance

_FOUR = {"A": "angry", "S": "sad", "H": "happy", "N": "neutral"}
_OUT = {"O": "other", "X": "no agreement between the raters"}
CARD = CorpusCard(
    title="MSP-IMPROV: An Acted Corpus of Dyadic Interactions to Study Emotion Perception",
    licence="granted on request by the MSP lab of UT Dallas: https://www.lab-msp.com/MSP/MSP-Improv.html",
    citation="Busso et al., MSP-IMPROV: An Acted Corpus of Dyadic Interactions to Study Emotion Perception, IEEE "
    "Transactions on Affective Computing 8(1) (2017) 67-80",
    source="https://www.lab-msp.com/MSP/MSP-Improv.html",
    language="English",
    labels={**_FOUR, **_OUT},
    counts={"N": 3477, "H": 2644, "S": 885, "A": 792, "O": 85, "X": 555},
    schemes={"msp-improv-4": {**_FOUR, **dict.fromkeys(_OUT)}},
    default_scheme="msp-improv-4",
    version="8,438 turns: 652 target sentences improvised, 620 read, 4,381 other improvised turns, 2,785 natural ones",
    words="twenty target sentences, each in four emotions; the words of other turns follow from the scene",
    speakers=12,
    sessions=6,
    note="the label is what raters heard, not what was played; the same twenty sentences in every session and emotion: "
    "a text score is optimistic unless folds are cut by script; activation is written as in the release, where 1 is "
    "the most active, unlike IEMOCAP and MSP-Podcast; no official split: one session at a time is tested; "
    "figures of nkululeko's recipe are trained on session 6 alone, because its lists of training and test are swapped",
    vote_codes={"Angry": "A", "Happy": "H", "Neutral": "N", "Other": "O", "Sad": "S"},
)
_TURN = r"IMPROV-(?P<scene>(?P<sentence>S\d\d)[AHNS])-(?P<speaker>(?P<gender>[FM])\d(?P<session>\d))-[PRST]-[FM]{2}\d+"
LAYOUT = re.compile(rf"(?:MSP|UTD)-{_TURN}", re.IGNORECASE)
RATED = (1.0, 5.0)  # scale of the ratings
_LABELS = "Evaluation.txt"
_HEAD = re.compile(rf"(?:MSP|UTD)-(?P<turn>{_TURN})\.\w+\s*;\s*(?P<label>\w+)\s*;\s*{RATINGS}")


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per turn of Evaluation.txt.

    Args:
        root: the folder with Evaluation.txt, Audio and All_human_transcriptions, or one above it.

    Raises:
        NotFound: there is no Evaluation.txt with turns in it, or it cannot be read.
    """
    found = FindingList()
    files = ReleaseFiles(root, found)
    labels = find_label_file(files, [_LABELS], found)
    rows = list(_read_turns(root / labels, found)) if labels else []
    if not rows:
        raise refuse_release(root, CARD, f"{_LABELS} of its turns")
    report_ratings(rows, RATED, found)
    texts = read_texts(files, [row.id for row in rows], found)
    return build_reading(files, (replace(row, text=texts.get(row.id, "")) for row in rows), CARD, found)


def sample(folder: Path) -> None:
    """Write a release of two sessions with clips of noise and made-up words: four actors play three emotions."""
    evaluations = []
    turns = [
        (f"{scene}-{gender}0{session}-S-{gender}{gender}01", scene[-1], f"session{session}/{scene}/S")
        for session in (1, 2)
        for scene in ("S01A", "S01N", "S02H", "S02A", "S03N", "S03H")
        for gender in "FM"
    ]
    for number, (turn, label, place) in enumerate(turns):
        write_clip(folder / "Audio" / place / f"MSP-IMPROV-{turn}.wav", number)
        evaluations.append(f"UTD-IMPROV-{turn}.avi; {label}; A:2.500000; V:3.500000; D:3.000000 ; N:NaN;")
        for rater in (2, 3):
            emotion = _FOUR[label].title()
            evaluations.append(f"Rater_{rater}; {emotion}; {emotion},Other; A:{rater}; V:4; D:3; N:NaN;")
        evaluations.append("")
        transcripts = folder / "All_human_transcriptions" / place.partition("/")[0]
        write_lines(transcripts / f"MSP-IMPROV-{turn}.txt", [f"Line {number}."])
    write_lines(folder / _LABELS, evaluations)


def _read_turns(path: Path, found: FindingList) -> Iterator[Utterance]:
    """Yield the turns in the order of the file: a line for each, then a line for every vote on it."""
    head: re.Match[str] | None = None
    votes: list[dict[str, Any]] = []
    for number, line in enumerate(decode_reported(path, found).split("\n"), 1):
        if match := _HEAD.fullmatch(line.strip()):
            if head:
                yield _to_utterance(head, votes)
            head, votes = match, []
        elif head and (vote := parse_vote(line)):
            votes.append(vote)
        elif line.strip():
            found.add("lines of evaluations that cannot be read, ignored", [f"{path.name}:{number}"])
    if head:
        yield _to_utterance(head, votes)


def _to_utterance(head: re.Match[str], votes: list[dict[str, Any]]) -> Utterance:
    return Utterance(
        id=f"MSP-{head['turn'].upper()}",
        label=head["label"],
        speaker=head["speaker"],
        gender=head["gender"],
        session=head["session"],
        script=head["sentence"],
        valence=parse_number(head["val"]),
        activation=parse_number(head["act"]),
        dominance=parse_number(head["dom"]),
        votes=format_votes(votes),
    )

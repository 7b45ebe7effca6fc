"""IEMOCAP: acted dyadic English dialogues, scripted and improvised, 10 actors, 5 sessions, 10,039 turns."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Published,
    Reading,
    ReleaseFiles,
    normalize_name,
    read_text,
    set_durations,
)
from featurestore.corpora._iemocap_evaluation import EvaluatedTurn, parse_evaluation
from featurestore.corpora._iemocap_sessions import SessionFiles, find_sessions
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_SIX = {"ang": "angry", "fru": "frustrated", "neu": "neutral", "sad": "sad", "exc": "excited", "hap": "happy"}
_THREE = {"sur": "surprised", "fea": "fearful", "dis": "disgusted"}
_OUT = {"xxx": None, "oth": None}
VOTE_CODES = {
    "Anger": "ang",
    "Disgust": "dis",
    "Excited": "exc",
    "Fear": "fea",
    "Frustration": "fru",
    "Happiness": "hap",
    "Neutral": "neu",
    "Neutral state": "neu",
    "Other": "oth",
    "Sadness": "sad",
    "Surprise": "sur",
}
_PAPER = (
    'R.-G. Petec and A. Popoviciu, "Multimodal Speech Emotion Recognition using Decoding-enhanced BERT with '
    'Disentangled Attention and Wav2Vec2.0", table V'
)
_PAPER_NOTE = (
    "the last fifth of the 7,380 turns, Session 5 alone, which also chose the epochs: there is no separate test part; "
    "the split is read from the published code; 95 % interval by the normal approximation at n = 1,476: ±2.5 points"
)
CARD = CorpusCard(
    title="IEMOCAP: Interactive Emotional Dyadic Motion Capture database",
    licence="granted on request by USC SAIL, for research: https://sail.usc.edu/iemocap/",
    citation="Busso et al., IEMOCAP: interactive emotional dyadic motion capture database, LREC 42 (2008) 335-359",
    labels={**_SIX, **_THREE, "oth": "other", "xxx": "no agreement between the raters"},
    counts={
        "xxx": 2507,
        "fru": 1849,
        "neu": 1708,
        "ang": 1103,
        "sad": 1084,
        "exc": 1041,
        "hap": 595,
        "sur": 107,
        "fea": 40,
        "oth": 3,
        "dis": 2,
    },
    schemes={
        "iemocap-4": {
            "ang": "angry",
            "neu": "neutral",
            "sad": "sad",
            "exc": "happy",
            "hap": "happy",
            **dict.fromkeys(("fru", *_THREE)),
            **_OUT,
        },
        "iemocap-6": {**_SIX, **dict.fromkeys(_THREE), **_OUT},
        "iemocap-9": {**_SIX, **_THREE, **_OUT},
        "iemocap-10": {**_SIX, **_THREE, "oth": "other", "xxx": None},
    },
    default_scheme="iemocap-6",
    source="https://sail.usc.edu/iemocap/",
    language="English",
    words="the same scripts in every session; the improvised turns follow from the emotion",
    speakers=10,
    sessions=5,
    version="full release: 10,039 labelled turns in 151 dialogues",
    published=tuple(
        Published(
            f"DeBERTa + Wav2Vec2.0, epochs {epochs}", "accuracy", value, "iemocap-6", _PAPER, _PAPER_NOTE, "paper-tail"
        )
        for epochs, value in (("1 to 3", 0.58943), ("4 to 6", 0.59078))
    )
    + list_emobox_results(
        "iemocap-4",
        {
            "wav2vec 2.0 base": (58.27, 57.73, 57.83),
            "WavLM large": (69.47, 69.07, 69.29),
            "Whisper large v3": (73.54, 72.86, 73.11),
        },
        "5,531 turns, five folds, one session tested in each",
        "leave-one-session-out",
    ),
    note="six classes are 7,380 turns, four 5,531; a set of 7,433 also circulates: with 53 xxx turns called happy. "
    "The same scripts are played in every session: a text score is optimistic unless folds are cut by script",
    vote_codes=VOTE_CODES,
    own_raters=r"C-[FM]\d",
)
LAYOUT = re.compile(r"Ses\d\d[FM]_(?:impro|script)\w+")
RATINGS = (1.0, 5.0)  # scale of valence, activation, dominance; a few means of the release lie outside
_DIALOGUE = re.compile(r"Ses\d\d[FM]_(?P<script>impro\d\d|script\d\d_\d)[a-z]?")
_TRANSCRIPT = re.compile(r"(?P<id>Ses\d\d\S+)\s+\[[^\]]*\]\s*:\s?(?P<text>.*)")


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per labelled turn, by session, dialogue and order in the evaluation.

    Args:
        root: the folder with Session1 to Session5, or one above it.

    Raises:
        NotFound: there is no session; the message suggests the folder above that has them.
    """
    found = FindingList()
    release = _Release(ReleaseFiles(root, found), found)
    rows: dict[str, Utterance] = {}
    for row in (row for session in release.sessions() for row in _read_session(release, session)):
        found.add("turns evaluated twice; the first one is used", [row.id] if row.id in rows else [])
        rows.setdefault(row.id, row)
    for row in rows.values():
        for what in _find_irregular(row):
            found.add(what, [row.id])
    complete, clips = set_durations(root, tuple(rows.values()))
    return Reading(complete, (*found.findings(), *clips))


def sample(folder: Path) -> None:
    """Write a release of five sessions with made-up turns: each speaker says one turn of each of six labels."""
    import numpy as np

    from featurestore.corpora._iemocap_writer import DemoTurn, write_dialogue

    random = np.random.default_rng(0)
    for session in range(1, 6):
        dialogue = f"Ses{session:02}{('F_impro01', 'M_script01_1')[session % 2]}"
        turns = []
        for number, label in enumerate(sorted(_SIX)):
            for speaker in "FM":
                noise = random.normal(0, 1000, 1600 + 160 * number).astype(np.int16)
                utterance_id, text = f"{dialogue}_{speaker}{number:03}", f"Line {number} of {dialogue}."
                turns.append(DemoTurn(utterance_id, label, text, [label] * 3, [(3, 2, 4), (3, 3, 4)], noise))
        write_dialogue(folder, dialogue, turns)


def _read_session(release: "_Release", session: SessionFiles) -> Iterator[Utterance]:
    texts, turns = release.transcripts(session), release.turns(session)
    release.report_without_label(session, texts, {turn.id for turn in turns})
    for turn in turns:
        yield _to_utterance(turn, session.number, release.find_clip(session, turn), texts)


@dataclass
class _Release:
    """Read the files of a release and collect findings on the way."""

    files: ReleaseFiles
    found: FindingList

    def sessions(self) -> list[SessionFiles]:
        """Return the sessions in order."""
        sessions = find_sessions(self.files, self.found)
        present = {session.number for session in sessions}
        self.found.add("missing sessions", [f"Session{n}" for n in range(1, 6) if n not in present])
        return sessions

    def turns(self, session: SessionFiles) -> list[EvaluatedTurn]:
        """Return the evaluated turns of a session in order."""
        turns: list[EvaluatedTurn] = []
        for path in session.evaluations:
            evaluated, unparsed = parse_evaluation(read_text(self.files, path, self.found))
            turns += evaluated
            self.found.add("lines of evaluations that could not be read", (f"{path}:{line}" for line in unparsed))
        return turns

    def transcripts(self, session: SessionFiles) -> dict[str, str]:
        """Return the text of each turn of a session by id, and the first one of an id that occurs twice."""
        texts: dict[str, str] = {}
        for path in session.transcripts:
            for number, line in enumerate(read_text(self.files, path, self.found).split("\n"), 1):
                match = _TRANSCRIPT.fullmatch(line.strip())
                if match and match["id"] in texts:
                    self.found.add("duplicate ids in transcripts; the first one is used", [match["id"]])
                elif match:
                    texts[match["id"]] = match["text"].strip()
                elif line.strip():
                    self.found.add("transcript lines without an id, ignored", [f"{path}:{number}"])
        return texts

    def find_clip(self, session: SessionFiles, turn: EvaluatedTurn) -> str:
        """Return the path of a turn's clip, or that which it should have."""
        path = f"{session.folder}/sentences/wav/{turn.id.rpartition('_')[0]}/{turn.id}.wav"
        return self.files.find(path) or path

    def report_without_label(self, session: SessionFiles, texts: Iterable[str], labelled: Collection[str]) -> None:
        """Report the transcripts and audio files of a session that have no label."""
        self.found.add("ids in transcripts without a label, ignored", (one for one in texts if one not in labelled))
        known = {normalize_name(utterance_id) for utterance_id in labelled}
        unlabelled = (path for path in session.clips if normalize_name(PurePosixPath(path).stem) not in known)
        self.found.add("audio files without a label, ignored", unlabelled)


def _to_utterance(turn: EvaluatedTurn, session: int, clip: str, texts: Mapping[str, str]) -> Utterance:
    """Return a turn as an utterance.

    The letter before a turn's number is the speaker; that of the dialogue only says who wore the motion markers.
    """
    dialogue, _, number = turn.id.rpartition("_")
    script = _DIALOGUE.fullmatch(dialogue)
    gender = number[0] if number[:1] in ("F", "M") else ""
    return Utterance(
        id=turn.id,
        audio=clip,
        text=texts.get(turn.id, ""),
        label=turn.label,
        speaker=f"{turn.id[:5]}{gender}" if gender else "",
        gender=gender,
        session=str(session),
        dialogue=dialogue,
        # impro05a and impro05b are two parts of one script
        script=script["script"] if script else "",
        start=turn.start,
        end=turn.end,
        valence=turn.valence,
        activation=turn.activation,
        dominance=turn.dominance,
        votes=turn.votes,
    )


def _find_irregular(row: Utterance) -> Iterator[str]:
    if not row.text:
        yield "turns without a transcript, kept with an empty text"
    if row.label not in CARD.labels:
        yield f"turns with the unknown label {row.label!r}"
    if not row.speaker:
        yield "ids from which the speaker is unclear"
    if not row.script:
        yield "ids from which the script is unclear"
    ratings = (row.valence, row.activation, row.dominance)
    if any(value is not None and not RATINGS[0] <= value <= RATINGS[1] for value in ratings):
        yield f"mean ratings outside {RATINGS[0]:g} to {RATINGS[1]:g}, kept"

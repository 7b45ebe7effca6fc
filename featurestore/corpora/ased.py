"""ASED, Amharic Speech Emotion Dataset: 65 speakers, 27 sentences, 5 emotions, 2,474 clips."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from featurestore.corpora import CorpusCard, FindingList, Reading, ReleaseFiles, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {"n": "neutral", "f": "fearful", "h": "happy", "s": "sad", "a": "angry"}
_FOLDERS = {"n": "01Neutral", "f": "02Fearful", "h": "03Happy", "s": "04Sad", "a": "05Angry"}
_GENDERS = {"01": "F", "02": "M"}
CARD = CorpusCard(
    title="ASED: Amharic Speech Emotion Dataset",
    licence="freely available, no licence stated: https://github.com/Ethio2021/ASED_V1",
    citation="Retta et al., A New Amharic Speech Emotion Dataset and Classification Benchmark, ACM Transactions on "
    "Asian and Low-Resource Language Information Processing 22(1) (2023)",
    source="https://github.com/Ethio2021/ASED_V1",
    language="Amharic",
    labels=_EMOTIONS,
    counts={"n": 522, "f": 510, "h": 486, "s": 470, "a": 486},
    speakers=65,
    schemes={"ased-5": _EMOTIONS},
    default_scheme="ased-5",
    version="version 1.0: 2,474 clips",
    words="five sentences of each emotion are its own, two are spoken in all: the words mostly give the emotion away",
    published=list_emobox_results(
        "ased-5",
        {
            "wav2vec 2.0 base": (88.59, 88.63, 88.63),
            "WavLM large": (96.44, 96.45, 96.42),
            "Whisper large v3": (96.75, 96.73, 96.74),
        },
        "one fold, 616 clips in test; all their 63 speakers are in training, too",
    ),
    note="acted; kept are the clips in which five of eight judges recognized the emotion; five of the seven sentences "
    "of an emotion belong to it alone, so the words give it away: evaluate with a script-disjoint protocol, too (its "
    "groups are the seven numbers of the sentences); EmoBox's published fold shares all speakers of its test part with "
    "training",
)
LAYOUT = re.compile(
    r"(?P<emotion>n1|f2|h3|s4|a5)-(?P<sentence>\d\d)-(?P<repetition>\d\d)-(?P<gender>0[12])-(?P<speaker>\d\d)",
    re.IGNORECASE,
)
_RATE = 16_000  # Hz, of the release


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Args:
        root: the folder with 01Neutral to 05Angry, or one above it.

    Raises:
        NotFound: there is no clip of ASED.
    """
    return read_named_clips(
        root,
        CARD,
        LAYOUT,
        _to_utterance,
        example="05Angry/a5-02-01-01-33.wav",
        complete=_report_other_genders,
        rate=_RATE,
    )


def sample(folder: Path) -> None:
    """Write a release of four speakers with clips of noise: each says two sentences in three emotions."""
    names = (
        f"{emotion}{'nfhsa'.index(emotion) + 1}-{sentence}-01-{1 + speaker % 2:02}-{speaker:02}"
        for speaker in range(1, 5)
        for emotion in "nha"
        for sentence in ("01", "02")
    )
    for number, name in enumerate(names):
        write_clip(folder / _FOLDERS[name[0]] / f"{name}.wav", number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    return Utterance(
        id=match[0].lower(),
        audio=clip,
        label=match["emotion"][0].lower(),
        speaker=match["speaker"],
        gender=_GENDERS[match["gender"]],
        script=match["sentence"],
    )


def _report_other_genders(rows: Sequence[Utterance], files: ReleaseFiles, found: FindingList) -> Sequence[Utterance]:
    counts = Counter((row.speaker, row.gender) for row in rows)
    other = {"F": "M", "M": "F"}
    odd = (row.id for row in rows if counts[row.speaker, row.gender] < counts[row.speaker, other[row.gender]])
    found.add("clips whose name gives another gender than most clips of their speaker, kept as named", odd)
    return rows

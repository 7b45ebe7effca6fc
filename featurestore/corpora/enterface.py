"""eNTERFACE'05, audio-visual emotions in English: 43 subjects of 14 nations, 6 emotions, 1,263 videos."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {"an": "anger", "di": "disgust", "fe": "fear", "ha": "happiness", "sa": "sadness", "su": "surprise"}
CARD = CorpusCard(
    title="eNTERFACE'05: audio-visual emotion database",
    licence="for research: https://enterface.net/enterface05/emotion.html",
    citation="Martin et al., The eNTERFACE'05 Audio-Visual Emotion Database, ICDE Workshops 2006, 8",
    source="https://enterface.net/enterface05/emotion.html",
    language="English",
    labels=_EMOTIONS,
    counts={**dict.fromkeys(_EMOTIONS, 211), "ha": 208},
    speakers=43,
    schemes={"enterface-6": _EMOTIONS},
    default_scheme="enterface-6",
    version="1,263 videos; subject 12 is missing, and 23 has 27",
    words="five sentences of its own for each emotion: they give it away",
    published=list_emobox_results(
        "enterface-6",
        {
            "wav2vec 2.0 base": (64.19, 64.12, 63.81),
            "WavLM large": (92.43, 92.42, 92.40),
            "Whisper large v3": (97.69, 97.68, 97.68),
        },
        "one fold, 312 clips in test; all speakers of test are in training, too",
    ),
    note="acted by non-professionals, four fifths of them men; each emotion has five sentences of its own, so a system "
    "that hears the words knows the emotion; no neutral; EmoBox's published fold shares all 43 subjects between "
    "training and test",
)
LAYOUT = re.compile(
    rf"s_?(?P<subject>\d\d?)_(?P<emotion>{'|'.join(_EMOTIONS)})(?:_(?P<sentence>[1-5])(?:avi)?)?", re.IGNORECASE
)
_SUBJECT = re.compile(r"subject[ _]*(\d+)", re.IGNORECASE)
_SENTENCE = re.compile(r"sentence[ _]*(\d+)", re.IGNORECASE)
_RATE = 48_000  # Hz
_VIDEO = ".avi"


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name. The subject is that of the folder, if there is one.

    Clips may be the videos or conversions to another format. Where both are present, the conversions are used.

    Args:
        root: the folder with `subject 1` to `subject 44`, or one above it.

    Raises:
        NotFound: there is no clip of eNTERFACE'05.
    """
    return read_named_clips(
        root,
        CARD,
        LAYOUT,
        _to_utterance,
        example="subject 1/anger/sentence 1/s1_an_1.avi",
        find_irregular=_find_irregular,
        rate=_RATE,
        order=lambda clip: clip.lower().endswith(_VIDEO),
    )


def sample(folder: Path) -> None:
    """Write a release of three subjects with WAV clips of noise: each says two sentences of each of three emotions."""
    names = (
        f"subject {subject}/{_EMOTIONS[emotion]}/sentence {sentence}/s{subject}_{emotion}_{sentence}.wav"
        for subject in (1, 2, 10)
        for emotion in ("an", "ha", "sa")
        for sentence in (1, 2)
    )
    for number, name in enumerate(names):
        write_clip(folder / name, number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    label, sentence = match["emotion"].lower(), match["sentence"] or ""
    subject = str(int(_find_number(_SUBJECT, clip) or match["subject"]))
    return Utterance(
        id="_".join(filter(None, (f"s{subject}", label, sentence))),
        audio=clip,
        label=label,
        speaker=subject,
        script=f"{label}_{sentence}" if sentence else "",
    )


def _find_number(folder: re.Pattern[str], clip: str) -> str:
    """Return the number in the name of the deepest folder that matches, or an empty text."""
    matches = map(folder.fullmatch, reversed(PurePosixPath(clip).parent.parts))
    return next((match[1] for match in matches if match), "")


def _find_irregular(row: Utterance) -> Iterator[str]:
    name = LAYOUT.fullmatch(PurePosixPath(row.audio).stem)
    if name and int(name["subject"]) != int(row.speaker):
        yield "clips named after another subject than their folder, which is used"
    if not row.script:
        yield "clips without a number of a sentence: all sentences of the subject in one clip, kept without a script"
    elif _find_number(_SENTENCE, row.audio) not in ("", row.script[-1]):
        yield "clips named after another sentence than their folder; the name is used"
    if name and name[0].lower() != f"s{int(name['subject'])}_{row.label}{row.script[2:]}":
        yield "clips with an irregular name, such as s_3_an_1 or s16_su_3avi, kept"

"""MSP-Podcast, natural emotional speech of podcasts: 8 emotions and ratings, 151,654 turns in release 1.11."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Published,
    Reading,
    ReleaseFiles,
    build_reading,
    find_label_file,
    get_stem,
    get_text,
    parse_gender,
    parse_number,
    read_json_object,
    read_rows,
    read_texts,
    refuse_release,
    write_clip,
    write_lines,
)
from featurestore.corpora._msp_podcast_votes import read_votes
from featurestore.corpora._msp_votes import report_ratings
from featurestore.manifest import Utterance

_FOUR = {"A": "angry", "S": "sad", "H": "happy", "N": "neutral"}
_OTHERS = {"U": "surprise", "F": "fear", "D": "disgust", "C": "contempt"}
_OUT = {"O": "other", "X": "no agreement between the raters"}
_ODYSSEY = (
    "Goncalves et al., Odyssey 2024 - Speech Emotion Recognition Challenge: Dataset, Baseline Framework, and Results, "
    "Odyssey 2024, section 5, as quoted by https://github.com/makrai/notes (commit 1010480)"
)
_BASELINE = (
    "model card of the baseline: https://huggingface.co/3loi/SER-Odyssey-Baseline-WavLM-Categorical (2024-03-10)"
)
_ODYSSEY_NOTE = "Test3 of the challenge, whose labels are not public; accuracy is given as micro F1"
CARD = CorpusCard(
    title="MSP-Podcast corpus",
    licence="granted on request by the MSP lab of UT Dallas: https://www.lab-msp.com/MSP/MSP-Podcast.html",
    citation="Lotfian and Busso, Building Naturalistic Emotionally Balanced Speech Corpus by Retrieving Emotional "
    "Speech From Existing Podcast Recordings, IEEE Transactions on Affective Computing 10(4) (2019) 471-483",
    source="https://www.lab-msp.com/MSP/MSP-Podcast.html",
    language="English",
    labels={**_FOUR, **_OTHERS, **_OUT},
    schemes={
        "msp-podcast-4": {**_FOUR, **dict.fromkeys((*_OTHERS, *_OUT))},
        "msp-podcast-8": {**_FOUR, **_OTHERS, **dict.fromkeys(_OUT)},
    },
    default_scheme="msp-podcast-8",
    words="spontaneous speech: the words often say the emotion",
    published=(
        *(
            Published(
                "Odyssey 2024 baseline, WavLM fine-tuned", metric, value, "msp-podcast-8", _BASELINE, _ODYSSEY_NOTE
            )
            for metric, value in (("macro_f1", 0.311), ("accuracy", 0.327))
        ),
        Published(
            "Odyssey 2024, Sheffield-MINI, first of task 1",
            "macro_f1",
            0.3569,
            "msp-podcast-8",
            _ODYSSEY,
            f"{_ODYSSEY_NOTE}; an ensemble on audio and text",
        ),
    ),
    note="releases differ in size and labels: name the release with every figure; speakers may be in several of the "
    "test parts, so none of these may be trained on; turns of Test3 have no public label, and those of an unknown "
    "speaker no speaker; of release 1.8, 28,601, 4,772, 9,304 and 3,483 turns have one of four classes",
    vote_codes={
        "Angry": "A",
        "Contempt": "C",
        "Disgust": "D",
        "Fear": "F",
        "Happy": "H",
        "Neutral": "N",
        "Other": "O",
        "Sad": "S",
        "Surprise": "U",
    },
)
LAYOUT = re.compile(r"MSP-PODCAST_\w+|labels_con[cs]ensus\.(?:csv|json)", re.IGNORECASE)
RATED = (1.0, 7.0)  # scale of the ratings
_LABELS = ("labels_consensus.csv", "labels_concensus.csv", "labels_consensus.json", "labels_concensus.json")
_COLUMNS = ("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set")
_UNKNOWN = "unknown"
_TEST_3 = "Test3"
_TEST_3_CLIP = re.compile(r"MSP-PODCAST_test3_(?P<number>\d+)", re.IGNORECASE)


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per row of the consensus labels, then one per clip of Test3.

    The labels are in labels_consensus, in releases to 1.8 labels_concensus, as CSV or JSON.

    Args:
        root: the folder with Audios, Labels and Transcripts, or one above it.

    Raises:
        NotFound: there are no consensus labels, or they cannot be read.
        Mismatch: they cannot be parsed.
    """
    found = FindingList()
    files = ReleaseFiles(root, found)
    labels = find_label_file(files, _LABELS, found)
    if not labels:
        raise refuse_release(root, CARD, "Labels/labels_consensus.csv")
    listed = [_to_utterance(row) for row in _read_labels(root / labels, found) if row["FileName"]]
    listed_ids = {row.id for row in listed}
    rows = [*listed, *(row for row in _find_test_3(files) if row.id not in listed_ids)]
    ids = [row.id for row in rows if row.partition != _TEST_3]
    texts = read_texts(files, ids, found)
    votes = read_votes(files, PurePosixPath(labels).parent, ids, found)
    found.add("utterances of an unknown speaker, kept without a speaker", (row.id for row in listed if not row.speaker))
    report_ratings(rows, RATED, found)
    complete = (replace(row, text=texts.get(row.id, ""), votes=votes.get(row.id, "")) for row in rows)
    return build_reading(files, complete, CARD, found)


def sample(folder: Path) -> None:
    """Write a release of four speakers with clips of noise, made-up words and two votes each."""
    labels, votes = [",".join(_COLUMNS)], ["FileName,EmoDetail"]
    for number in range(24):
        name, code = f"MSP-PODCAST_{number // 6:04}_{number:04}", "AHNS"[number % 4]
        speaker, gender = number % 4 // 2 + 2 * (number // 12), ("Male", "Female")[number % 4 // 2]
        part = ("Train", "Train", "Development", "Test1")[number // 6]
        write_clip(folder / "Audios" / f"{name}.wav", number)
        labels.append(f"{name}.wav,{code},{3 + number % 2}.5,4.0,3.75,{speaker},{gender},{part}")
        votes += [
            f'{name}.wav,"WORKER{rater:08}; {_FOUR[code].title()}; Other; A:{rater}.0; V:4.0; D:3.0;"'
            for rater in (3, 4)
        ]
        write_lines(folder / "Transcripts" / f"{name}.txt", [f"Line {number}."])
    write_lines(folder / "Labels" / "labels_consensus.csv", labels)
    write_lines(folder / "Labels" / "labels_detailed.csv", votes)


def _read_labels(path: Path, found: FindingList) -> Iterable[Mapping[str, str]]:
    """Return the consensus labels of each clip, with the columns of the table."""
    if path.suffix.lower() == ".csv":
        return read_rows(path, _COLUMNS, found)
    return [
        {column: get_text(entry, column) for column in _COLUMNS} | {"FileName": name}
        for name, entry in read_json_object(path).items()
    ]


def _to_utterance(row: Mapping[str, str]) -> Utterance:
    return Utterance(
        id=get_stem(row["FileName"]),
        label=row["EmoClass"],
        speaker="" if row["SpkrID"].lower() == _UNKNOWN else row["SpkrID"],
        gender=parse_gender(row["Gender"]),
        partition=row["Split_Set"],
        valence=parse_number(row["EmoVal"]),
        activation=parse_number(row["EmoAct"]),
        dominance=parse_number(row["EmoDom"]),
    )


def _find_test_3(files: ReleaseFiles) -> Iterator[Utterance]:
    """Yield the clips of Test3, which no label file lists."""
    numbers = {match["number"] for path in files.clips() if (match := _TEST_3_CLIP.fullmatch(get_stem(path)))}
    for number in sorted(numbers):
        yield Utterance(id=f"MSP-PODCAST_test3_{number}", partition=_TEST_3)

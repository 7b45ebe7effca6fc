import json

import numpy as np
import pytest
import soundfile

from featurestore.corpora import table
from featurestore.errors import BadValue, NotFound, Problem


@pytest.fixture
def write(tmp_path):
    def write(content, name="mine.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def clips(tmp_path):
    for name, seconds in {"a": 0.1, "b": 0.2, "sub/a": 0.3}.items():
        path = tmp_path / f"clips/{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.full(round(seconds * 8000), 0.1, np.float32), 8000)
    return tmp_path / "clips"


def read(path):
    return table.utterances(path).utterances


COUNTED = "ids from row numbers, which change when a row is inserted or deleted; add a column id to the table"


def findings(path, **options):
    """Return the findings except ids from row numbers, which most tables here have."""
    found = {finding.what: finding.where for finding in table.utterances(path, **options).findings}
    return {what: where for what, where in found.items() if what != COUNTED}


def message(path, kind=BadValue):
    with pytest.raises(kind) as caught:
        table.utterances(path)
    return str(caught.value)


def test_audio_and_label_are_enough(write, clips):
    path = write(f"audio,label\nclips/a.wav,happy\n{clips / 'b.wav'},sad\n")
    first, second = read(path)
    assert (first.id, first.audio, first.label, first.duration) == ("a", "clips/a.wav", "happy", 0.1)
    assert (second.id, second.audio, second.label, second.duration) == ("b", str(clips / "b.wav"), "sad", 0.2)
    assert findings(path) == {}


def test_text_and_label_are_enough(write):
    rows = read(write("text,label\nHello.,happy\n Oh no ,sad\n"))
    assert [(row.id, row.text, row.label) for row in rows] == [
        ("mine-2", "Hello.", "happy"),
        ("mine-3", " Oh no ", "sad"),
    ]


def test_a_text_may_be_very_long(write):
    text = "word " * 40_000
    (row,) = read(write(f"text,label\n{text},sad\n"))
    assert row.text == text


def test_a_table_may_have_every_column_of_the_manifest(write):
    header = "id,text,label,speaker,gender,session,dialogue,script,partition,start,end,duration,valence,votes"
    (row,) = read(write(f"{header}\nx,Hi.,hap,S1,F,1,d,s,train,1.5,2,0.5,4,[]\n"))
    assert (row.id, row.speaker, row.gender, row.session) == ("x", "S1", "F", "1")
    assert (row.dialogue, row.script, row.partition, row.votes) == ("d", "s", "train", "[]")
    assert (row.start, row.end, row.duration, row.valence, row.activation) == (1.5, 2.0, 0.5, 4.0, None)


def test_a_folder_with_one_table(write, clips):
    path = write("audio,label\nclips/a.wav,happy\n")
    write("x", "._mine.csv")
    write("x", "notes.txt")
    assert read(path.parent) == read(path)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('audio,text,label\nclips/a.wav,"Hi, ""you""\nthere",happy\n', "t.csv"),
        ('audio;text;label\nclips/a.wav;"Hi, ""you""\nthere";happy\n', "t.csv"),
        ('audio\ttext\tlabel\nclips/a.wav\t"Hi, ""you""\nthere"\thappy\n', "t.tsv"),
        ('"Audio", Text ,LABEL\r\nclips/a.wav,"Hi, ""you""\r\nthere", happy \r\n\r\n', "t.CSV"),
        ('\ufeffaudio,text,label\nclips\\a.wav,"Hi, ""you""\nthere",happy\n', "t.csv"),
        ('{"audio": "clips/a.wav", "text": "Hi, \\"you\\"\\nthere", "label": "happy"}\n\n', "t.jsonl"),
    ],
)
def test_any_dialect_of_a_table_reads_the_same(write, clips, content, name):
    (row,) = read(write(content, name))
    assert (row.id, row.audio, row.text, row.label) == ("a", "clips/a.wav", 'Hi, "you"\nthere', "happy")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_encoding(write, encoding):
    path = write("text,label\nSchöne Grüße – “na”,froh\n".encode(encoding))
    assert read(path)[0].text == "Schöne Grüße – “na”"
    expected = {"the table is not UTF-8, read as cp1252": ("mine.csv",)} if encoding == "cp1252" else {}
    assert findings(path) == expected


def test_json_values_become_text(write):
    line = json.dumps({"text": "Hi.", "label": 3, "votes": [{"rater": "a"}], "speaker": None, "valence": 2.5, "x": 1})
    path = write(line, "t.jsonl")
    (row,) = read(path)
    assert (row.label, row.votes, row.speaker, row.valence) == ("3", '[{"rater":"a"}]', "", 2.5)
    assert findings(path) == {"columns that the manifest does not have, ignored": ("x",)}


def test_unknown_columns_and_missing_labels_are_findings(write):
    path = write(",text,label,mood,\n0,Hi.,,x,\n1,Ho.,sad,y,\n")
    assert findings(path) == {
        "columns that the manifest does not have, ignored": (
            "(a column without a name)",
            "mood",
            "(a column without a name)",
        ),
        "rows without a label": ("mine-2",),
    }


def test_duplicate_ids_become_unique_and_are_a_finding(write, clips):
    path = write("audio,label\nclips/a.wav,x\nclips/sub/a.wav,y\nclips/b.wav,z\nclips/a.wav,x\n")
    assert [row.id for row in read(path)] == ["clips/a", "clips/sub/a", "b", "clips/a#2"]
    assert findings(path) == {
        "duplicate ids; a number was appended to the later ones": ("clips/a -> clips/a#2",),
        "audio files on several rows, without a start and end that tell these apart": ("clips/a.wav",),
    }
    assert table.utterances(path).ids == "row numbers"


def test_an_id_with_a_number_is_not_used_twice(write):
    path = write("id,text,label\na,1,x\na,2,x\na#2,3,x\n")
    assert [row.id for row in read(path)] == ["a", "a#3", "a#2"]


def test_clips_that_are_missing_or_unusable_keep_their_row(write, clips):
    (clips / "b.wav").write_bytes(b"")
    path = write("audio,label\nclips/no.wav,x\nclips/b.wav,x\n")
    assert [row.duration for row in read(path)] == [None, None]
    assert findings(path) == {
        "utterances whose audio file is missing, kept without a duration": ("no",),
        "utterances whose audio file cannot be used, kept without a duration": ("b: b.wav: is empty (0 bytes)",),
    }


def test_a_duration_is_compared_with_the_clip(write, clips):
    path = write("audio,label,duration\nclips/a.wav,x,0.12\nclips/b.wav,x,2.5\nclips/no.wav,x,1\n")
    assert [row.duration for row in read(path)] == [0.1, 0.2, None]
    assert findings(path) == {
        "utterances whose audio file is missing, kept without a duration": ("no",),
        "utterances whose clip has another length than given; the length of the clip is used": (
            "b: 2.5 s, the clip 0.200 s",
        ),
    }


def test_similar_labels_stay_and_are_a_finding(write):
    path = write("text,label\na,happy\nb,Happy\nc,sad\nd, happy \ne,very sad\nf,very  sad\n")
    assert [row.label for row in read(path)] == ["happy", "Happy", "sad", "happy", "very sad", "very  sad"]
    what = "labels that differ only in case or space, kept as separate classes"
    assert findings(path) == {what: ("happy, Happy", "very sad, very  sad")}


def test_a_duplicate_key_is_an_error(write):
    twice = '{"Text": "b", "label": "x", " text": "c"}'
    path = write(f'{{"text": "a", "label": "x"}}\n{twice}\n', "t.jsonl")
    assert message(path) == (
        f"{path}, row 2 has a key twice (ignoring case and surrounding spaces)\n  got: {twice!r}\n"
        "  do: rename or remove one of them"
    )


DO = "give the path of the table, or of the folder that holds it"


def test_a_missing_table_is_an_error(tmp_path):
    kinds = ".csv .tsv .jsonl .ndjson"
    assert message(tmp_path / "no.csv", NotFound) == (
        f"there is no table {tmp_path / 'no.csv'}\n  expected: a file, {kinds}, or a folder that holds one\n  do: {DO}"
    )
    assert message(tmp_path, NotFound) == f"{tmp_path} holds no table\n  expected: a file, {kinds}\n  do: {DO}"


def test_two_tables_are_an_error(write):
    write("x", "b.tsv")
    path = write("x", "a.csv")
    assert message(path.parent) == (
        f"{path.parent} holds 2 tables\n  expected: one\n  got: a.csv, b.tsv\n"
        f"  do: give the path of one of them, for example {path}"
    )


def test_another_kind_of_file_is_an_error(write):
    path = write("x", "mine.xlsx")
    assert message(path) == (
        f"{path} is not a table\n  expected: a file, .csv .tsv .jsonl .ndjson\n  got: .xlsx\n"
        "  do: export it as CSV in UTF-8"
    )


COLUMNS = "label, and audio or text; if known also speaker, gender, session, script, partition and so on"


@pytest.mark.parametrize(
    ("content", "lacks", "got", "options"),
    [
        (
            "path,emotion\nx,y\n",
            "has no column label and no audio or text",
            "path, emotion",
            "--column label=NAME --column audio=NAME",
        ),
        ("audio,emotion\nx,y\n", "has no column label", "audio, emotion", "--column label=NAME"),
        ("label\ny\n", "has no column audio or text", "label", "--column audio=NAME"),
        ("text,label,Text\nx,y,z\n", "has the column text twice", "text, label, text", "--column COLUMN=NAME"),
    ],
)
def test_missing_or_duplicate_columns_are_an_error(write, content, lacks, got, options):
    path = write(content)
    assert message(path) == (
        f"{path} {lacks}\n  expected: {COLUMNS}\n  got: {got}\n  do: rename the columns in its first row, "
        f"or map them: {options}"
    )


def test_messages_call_columns_as_the_file_does(write):
    path = write("clip,emotion,speaker\na.wav,glad,x\n")
    with pytest.raises(BadValue) as caught:
        table.utterances(path, {"label": "emotions", "audio": "clip"})
    assert str(caught.value) == (
        f"{path} has no column emotions\n  expected: one of clip, emotion, speaker\n  do: did you mean emotion? "
        "use the column names of the file: --column label=emotion reads the label from its column emotion"
    )
    with pytest.raises(BadValue, match=r"has no column label\n.*\n  got: clip, emotion, speaker\n"):
        table.utterances(path, {"audio": "clip"})
    with pytest.raises(BadValue, match=r"has 2 cells\n  expected: 3, as the first row: clip, emotion, speaker\n"):
        table.utterances(write("clip,emotion,speaker\na.wav,glad\n"), {"label": "emotion", "audio": "clip"})


@pytest.mark.parametrize("name", ["mine.csv", "mine.jsonl"])
def test_an_empty_file_is_an_error(write, name):
    path = write("", name)
    assert message(path) == (
        f"{path} is empty\n  expected: a first row with label, and audio or text\n"
        "  do: write the table again, with one row per utterance"
    )


def test_a_header_without_rows_is_an_error(write):
    path = write("text,label\n")
    assert message(path) == (
        f"{path} has no rows\n  expected: one row per utterance below the first one\n"
        "  do: add the utterances to the table"
    )


def test_the_message_lists_all_bad_rows(write):
    path = write('text,label,start\n"a\nb",x,1\n,x,1\nc,x,"3,5"\nd,x,nan\n')
    assert message(path) == (
        f"{path}: 3 of 4 rows cannot be used\n"
        "  got: row 3 has neither audio nor text; row 4 has '3,5' in the column start, which is not a number; "
        "row 5 has 'nan' in the column start, which is not a number\n"
        "  do: correct or remove these rows"
    )


def test_the_message_counts_many_bad_rows(write):
    path = write("text,label\n" + ",x\n" * 7)
    assert "row 6 has neither audio nor text; and 2 more\n" in message(path)


def test_a_row_of_another_width_is_an_error(write):
    path = write("text,label\nHi,x\nHello, you,x\n")
    assert message(path) == (
        f"{path}, row 3 has 3 cells\n  expected: 2, as the first row: text, label\n  got: 'Hello |  you | x'\n"
        "  do: put a cell that holds the separator between double quotes"
    )


def test_open_quotes_are_an_error(write):
    path = write('text,label\nHi,x\n"Hello,x\n')
    assert message(path) == f"{path}, row 3: unexpected end of data\n  do: check its double quotes"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{oops", "row 2 is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[1]", 'row 2 is not an object\n  expected: {"audio": …, "label": …}'),
    ],
)
def test_lines_that_are_not_json_are_an_error(write, line, expected):
    path = write(f'{{"text": "Hi", "label": "x"}}\n{line}\n', "t.jsonl")
    assert message(path) == f"{path}, {expected}\n  got: {line!r}"


def test_any_bad_input_is_a_problem(write):
    assert issubclass(BadValue, Problem)
    assert "cannot be used" in message(write("audio,label\n,x\n"))


def test_a_lone_surrogate_is_an_error_with_its_row(write):
    path = write('{"text": "fine", "label": "a"}\n{"text": "cut \\ud83d", "label": "b"}\n', "mine.jsonl")
    assert message(path).startswith(f"{path}, row 2 holds half of a character (a lone surrogate)\n  got: ")


def test_texts_in_the_audio_column_are_missing_clips(write):
    path = write(f"audio,label\n{'a long sentence ' * 30},happy\n")
    assert [len(where) for where in findings(path).values()] == [1]


def test_a_table_to_predict_may_use_semicolons_and_needs_no_label(write):
    rows = table.read_for_prediction(write("id;text\na;Hello, you.\n")).rows
    assert [(row.utterance.id, row.utterance.text, row.reason) for row in rows] == [("a", "Hello, you.", "")]

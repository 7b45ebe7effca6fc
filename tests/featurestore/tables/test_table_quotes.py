import csv
import io

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from featurestore.corpora import table
from featurestore.errors import BadValue

UNCLOSED = (
    "unclosed quotation marks in a tab-separated table; each line is read as a row, and the marks as part of the text"
)
SWALLOWED = (
    "quoted cells with line breaks and what looks like further rows, read as one cell; if these are rows, "
    "a quotation mark is not closed: double or remove it"
)
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TURNS = (
    "So she looked at me",
    "I never want to see you again.",
    "Take your things.",
    "Do not call me.",
    "That was it.",
)
LABELS = ("neutral", "anger", "anger", "sadness", "neutral")


def read(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    reading = table.utterances(path)
    return reading.utterances, {finding.what: finding.where for finding in reading.findings}


def transcript(delimiter, texts, order):
    """Return a table without any quoting."""
    columns = {"id": [f"a{n}" for n in range(len(texts))], "label": LABELS[: len(texts)], "text": texts}
    rows = zip(*(columns[name] for name in order), strict=True)
    return "\n".join(map(delimiter.join, [order, *rows])) + "\n"


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("order", [("id", "label", "text"), ("id", "text", "label"), ("text", "id", "label")])
@pytest.mark.parametrize(("name", "delimiter"), [("t.tsv", "\t"), ("t.csv", "\t"), ("t.csv", ","), ("t.csv", ";")])
@pytest.mark.parametrize(("opens", "closes"), [(0, 1), (1, 3), (0, 4), (3, 4)])
def test_a_quotation_over_several_rows_is_a_finding(tmp_path, opens, closes, name, delimiter, order, newline, mark):
    texts = list(TURNS)
    texts[opens], texts[closes] = f'"{texts[opens]}', f'{texts[closes]}"'
    content = mark + transcript(delimiter, texts, order).replace("\n", newline)
    rows, odd = read(tmp_path, content, name)
    if delimiter == "\t":
        assert [(row.text, row.label) for row in rows] == list(zip(texts, LABELS, strict=True))
        assert odd == {UNCLOSED: (f"row {opens + 2}", f"row {closes + 2}")}
    else:
        assert len(rows) == 5 - (closes - opens)
        assert odd == {SWALLOWED: (f"row {opens + 2}: {closes - opens + 1} lines",)}


@pytest.mark.parametrize(
    "texts",
    [
        ['"Open', "plain", "plain"],  # never closed
        ['"Hello," she said.', "plain", "plain"],  # closed within the text
        ['He said "hi".', '"Stop it!"', "plain"],  # a whole turn is a quotation, among others
        ["5'10\"", '"Open', 'close"'],
    ],
)
def test_a_tab_separated_transcript_keeps_its_quotation_marks(tmp_path, texts):
    rows, _ = read(tmp_path, transcript("\t", texts, ("id", "label", "text")), "t.tsv")
    assert [row.text for row in rows] == texts


WORDS = st.text(alphabet="ab ,;\"'.é", min_size=1, max_size=12).map(lambda text: f"x{text}y")
LINES = st.text(alphabet='ab ,;"\n.é', max_size=12).map(lambda text: f"x{text}y")


@SETTINGS
@given(st.lists(st.tuples(st.sampled_from(['"', ""]), WORDS, st.sampled_from(['"', ""])), min_size=2, max_size=8))
@example([('"', "xy", ""), ("", "xy", '"')])
def test_every_line_of_a_tab_separated_table_is_a_row(tmp_path, parts):
    texts = ["".join(part) for part in parts]
    content = "id\tlabel\ttext\n" + "".join(f"{n}\tlabel{n}\t{text}\n" for n, text in enumerate(texts))
    rows, _ = read(tmp_path, content, "t.tsv")
    assert [(row.id, row.label) for row in rows] == [(str(n), f"label{n}") for n in range(len(texts))]
    for row, text in zip(rows, texts, strict=True):  # as it is, or without the quotes of a writer
        assert row.text in (text, text[1:-1].replace('""', '"'))


@SETTINGS
@given(
    st.lists(st.tuples(LINES, LINES), min_size=1, max_size=6),
    st.sampled_from([("t.csv", ","), ("t.csv", ";"), ("t.tsv", "\t")]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_cells_that_a_program_quotes_read_back(tmp_path, cells, kind, quoting, newline):
    name, delimiter = kind
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator=newline)
    writer.writerow(["id", "text", "label", "script"])
    writer.writerows([f"r{n}", text, "happy", script] for n, (text, script) in enumerate(cells))
    rows, _ = read(tmp_path, buffer.getvalue(), name)
    assert [(row.text, row.script) for row in rows] == cells


def test_a_cell_of_a_quoted_table_may_hold_a_tab(tmp_path):
    rows, odd = read(tmp_path, '"label"\t"text"\n"anger"\t"a\tb\nc"\n"anger"\t"d"\n', "t.tsv")
    assert [row.text for row in rows] == ["a\tb\nc", "d"]
    assert odd[SWALLOWED] == ("row 2: 2 lines",)


def test_a_row_of_another_width_is_an_error_despite_open_quotes(tmp_path):
    with pytest.raises(BadValue, match=r"row 3 has 3 cells\n  expected: 2, as the first row: label, text\n"):
        read(tmp_path, 'label\ttext\nanger\t"Hello," she said\nanger\tb\tc\n', "t.tsv")


def test_labels_in_quotation_marks_are_a_finding(tmp_path):
    _, odd = read(tmp_path, 'id\tlabel\ttext\n1\t"anger"\ta\n2\tanger\tb\n', "t.tsv")
    assert odd == {"labels that begin with a quotation mark, kept with it": ('"anger"',)}


def test_lines_of_a_poem_are_not_rows(tmp_path):
    _, odd = read(tmp_path, 'id,label,text\n1,joy,"Roses, red,\nviolets, blue.\nAnd you."\n', "t.csv")
    assert odd == {}


def test_empty_rows_are_a_finding(tmp_path):
    rows, odd = read(tmp_path, "id,label,text\n1,joy,a\n,,\n\n2,joy,b\n,,\n", "t.csv")
    assert [row.id for row in rows] == ["1", "2"]
    assert odd == {"empty rows, ignored": ("row 3", "row 6")}

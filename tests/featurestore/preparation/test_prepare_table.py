import pytest
from click.testing import CliRunner

from cli import main
from featurestore.errors import BadValue, Mismatch
from featurestore.preparation.corpus_json import prepare_command
from featurestore.preparation.open_store import open_store
from featurestore.preparation.prepare import prepare
from featurestore.store import Store


def findings(prepared):
    return {finding.what: finding.where for finding in prepared.findings}


def message(kind, *arguments):
    with pytest.raises(kind) as caught:
        prepare(*arguments)
    return str(caught.value)


def prepare_calls(tmp_path, **options):
    path = tmp_path / "calls.csv"
    path.write_text("path;Emotion;words;label\na.wav;glad;Hi.;7\nb.wav;sad;Oh.;8\n")
    columns = {"audio": "path", "label": "emotion", "text": "words"}
    return path, prepare("table", path, tmp_path / "store", name="calls", columns=columns, **options)


def test_a_table_may_have_its_own_name_and_columns(tmp_path):
    path, prepared = prepare_calls(tmp_path)
    store = Store(tmp_path / "store")
    assert (store.corpus, store.info["reader"], prepared.corpus) == ("calls", "table", "calls")
    assert [(row.audio, row.label, row.text) for row in store.utterances] == [
        ("a.wav", "glad", "Hi."),
        ("b.wav", "sad", "Oh."),
    ]
    assert findings(prepared)["columns that the manifest does not have, ignored"] == ("label (another is read for it)",)
    assert prepare_command(store, path) == (
        f"cli prepare table {path} --store {store.path} --name calls --column audio=path --column label=emotion "
        "--column text=words"
    )
    assert prepare_calls(tmp_path)[1].written == ()
    assert prepared.summary().startswith("calls: 2 utterances")
    assert "label (another" not in repr(prepared)  # findings may name every utterance


def test_keys_of_json_lines_may_have_their_own_names(tmp_path):
    path = tmp_path / "calls.jsonl"
    path.write_text('{"Words": "Hi.", "emotion": "glad", "label": 7}\n{"Words": "Oh.", "emotion": "sad"}\n')
    prepare("table", path, tmp_path / "store", columns={"label": "emotion", "text": "words"})
    assert [(row.label, row.text) for row in Store(tmp_path / "store").utterances] == [("glad", "Hi."), ("sad", "Oh.")]


@pytest.mark.parametrize("corpus", [None, "table", "calls"])
def test_a_store_with_a_name_opens_by_its_name_or_its_reader(tmp_path, corpus):
    path, _ = prepare_calls(tmp_path)
    assert open_store(tmp_path / "store", corpus, path, print).corpus == "calls"
    with pytest.raises(Mismatch, match=r"prepared from another root\n(.*\n)*  do: cli prepare table .*--name calls"):
        open_store(tmp_path / "store", corpus, tmp_path / "other.csv", print)
    with pytest.raises(Mismatch, match="holds another corpus"):
        open_store(tmp_path / "store", "emodb", path, print)


def test_the_command_without_a_name(root, store):
    prepare("iemocap", root, store)
    assert prepare_command(Store(store)) == f"cli prepare iemocap ROOT --store {store}"


def test_a_store_of_another_name_is_an_error(tmp_path):
    path, _ = prepare_calls(tmp_path)
    store = tmp_path / "store"
    assert message(Mismatch, "table", path, store) == (
        f"the store {store} holds another corpus\n  expected: table\n  got: calls\n"
        f"  do: choose another folder: cli prepare table {path} --store {tmp_path / 'table'}; to prepare calls again: "
        f"cli prepare table {path} --store {store} --name calls"
    )


def test_a_store_named_like_another_corpus_is_not_advised_again(tmp_path):
    path, store = tmp_path / "emo.csv", tmp_path / "emo"
    path.write_text("text,emotion\nHi.,glad\n")
    (tmp_path / "emo-2").mkdir()
    prepare("table", path, store, columns={"label": "emotion"})
    with pytest.raises(Mismatch) as caught:
        prepare("table", path, store, name="emo", columns={"label": "emotion"})
    assert str(caught.value).partition("  do: ")[2] == (
        f"choose another folder: cli prepare table {path} --store {tmp_path / 'emo-3'} --name emo "
        f"--column label=emotion; to prepare table again: cli prepare table {path} --store {store} "
        "--column label=emotion"
    )


def test_a_mapping_of_an_unknown_column_is_an_error(table, tmp_path):
    with pytest.raises(BadValue, match="the manifest has no column 'emotion'\n  expected: one of id, audio"):
        prepare("table", table, tmp_path / "store", columns={"emotion": "label"})


@pytest.mark.parametrize("name", ["iemocap", "a b", "-x", "a/b", "a->b", "ä"])
def test_an_invalid_name_is_an_error(table, tmp_path, name):
    with pytest.raises(BadValue, match=r"invalid corpus name .*\n  expected: letters, digits and _ \. -,"):
        prepare("table", table, tmp_path / "store", name=name)


@pytest.mark.parametrize("options", [{"name": "mine"}, {"columns": {"label": "x"}}])
def test_a_known_corpus_takes_neither_name_nor_columns(root, store, options):
    with pytest.raises(BadValue, match="corpus 'iemocap' takes no --(name|column), which only your own"):
        prepare("iemocap", root, store, **options)


def test_a_column_missing_in_the_table_is_an_error(table, tmp_path):
    with pytest.raises(BadValue) as caught:
        prepare("table", table, tmp_path / "store", columns={"label": "emotion"})
    assert str(caught.value) == (
        f"{table} has no column emotion\n  expected: one of text, label, speaker\n"
        "  do: use the column names of the file: --column label=emotion reads the label from its column emotion"
    )


def test_prepare_on_the_command_line_takes_name_and_columns(tmp_path):
    path, _ = prepare_calls(tmp_path)
    columns = [f"--column={pair}" for pair in ("audio=path", "label=Emotion", "text=words")]
    found = CliRunner().invoke(
        main, ["prepare", "table", str(path), "--store", str(tmp_path / "other"), "--name", "calls", *columns]
    )
    assert found.exit_code == 0, found.output
    assert Store(tmp_path / "other").utterances == Store(tmp_path / "store").utterances


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["emotion=label"], "--column emotion=label: the manifest has no column 'emotion'"),
        (["label"], "--column label: no column of the table is given"),
        (["label=a", "label=b"], "--column has 'label' twice"),
        (["label=a", "script=a"], "--column has 'a' twice"),
    ],
)
def test_an_invalid_column_mapping_is_an_error(table, tmp_path, columns, message):
    arguments = [f"--column={pair}" for pair in columns]
    found = CliRunner().invoke(main, ["prepare", "table", str(table), "--store", str(tmp_path / "s"), *arguments])
    assert found.exit_code == 1
    assert message in found.output

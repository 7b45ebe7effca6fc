import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from featurestore import registry
from featurestore.errors import BadValue, UnknownName
from featurestore.known_names import check_known


@pytest.mark.parametrize(
    ("kind", "some"),
    [
        ("corpora", {"demo", "emodb", "iemocap", "table"}),
        ("encoders", {"hf-audio", "hf-text", "egemaps", "compare", "mfcc", "logmel"}),
        ("heads", {"prior", "mlp", "svm", "xgb"}),
        ("protocols", {"holdout", "leave-one-session-out", "leave-one-speaker-out", "paper-tail"}),
    ],
)
def test_everything_is_found_by_listing(kind, some):
    names = registry.names(kind)
    assert some <= set(names)
    assert names == sorted(names)
    assert not [name for name in names if name.startswith(("_", "-"))]


@pytest.mark.parametrize("kind", registry.PACKAGES)
def test_everything_says_in_a_line_what_it_is(kind):
    for name in registry.names(kind):
        assert registry.summary(kind, name).endswith("."), name


def test_a_module_is_imported_by_its_name():
    assert registry.module("corpora", "emodb").__name__ == "featurestore.corpora.emodb"
    assert registry.load("heads", "prior").__module__ == "heads.prior"


def test_an_unknown_name_comes_with_the_closest():
    with pytest.raises(UnknownName) as caught:
        registry.module("corpora", "iemocup")
    names = ", ".join(registry.names("corpora"))
    assert str(caught.value) == (
        f"unknown corpus 'iemocup'\n  expected: one of {names}\n"
        "  do: did you mean iemocap? see: cli list corpora, or --plugin FILE.py"
    )


def test_an_unknown_name_like_no_other():
    with pytest.raises(UnknownName) as caught:
        registry.module("heads", "zzzzzz")
    names = ", ".join(registry.names("heads"))
    assert str(caught.value) == (
        f"unknown head 'zzzzzz'\n  expected: one of {names}, the dotted path of a scikit-learn classifier, or a "
        "plug-in's name\n  do: see: cli list heads; a head of your own needs --plugin FILE.py"
    )


@pytest.mark.parametrize(
    ("kind", "name", "do"),
    [
        ("heads", "rf", "did you mean sklearn.ensemble.RandomForestClassifier? "),
        ("heads", "RandomForestClassifier", "did you mean sklearn.ensemble.RandomForestClassifier? "),
        ("heads", "sklearn.svm.SVR", "did you mean sklearn.svm.SVC?"),
        ("heads", "my_knn.py", "--plugin my_knn.py --head my-knn"),
        ("protocols", "loso", "did you mean leave-one-session-out or leave-one-speaker-out? "),
        ("corpora", "EmoDB", "did you mean emodb? "),
        ("corpora", "CREMA_D", "did you mean crema-d? "),
        ("corpora", "IEMOCUP", "did you mean iemocap? "),
    ],
)
def test_an_abbreviation_a_bare_class_name_and_a_file_lead_to_the_name(kind, name, do):
    with pytest.raises((UnknownName, BadValue), match=f"  do: {re.escape(do)}"):
        registry.load(kind, name)


def test_of_very_many_names_the_closest_are_shown():
    known = [f"Ses{number:04d}" for number in range(1200)]
    with pytest.raises(UnknownName) as caught:
        check_known("Ses07331", known, what="utterance 'Ses07331'")
    expected = str(caught.value).splitlines()[1]
    assert expected.startswith("  expected: one of Ses0733, ")
    assert expected.endswith(", … 1,200 in all")
    assert expected.count("Ses") == 30


def test_listing_and_summaries_import_nothing_of_it():
    code = (
        "import sys; from featurestore import registry\n"
        "for kind in registry.PACKAGES: [registry.summary(kind, name) for name in registry.names(kind)]\n"
        "print([name for name in ('torch', 'numpy', 'sklearn', 'soundfile') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_source_of_a_head_is_its_module_and_what_all_heads_share(tmp_path, monkeypatch):
    folder = tmp_path / "copied_heads"
    shutil.copytree(Path(registry.module("heads", "prior").__file__).parent, folder)
    before = registry.hash_source("heads", "svm")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(registry.PACKAGES, "heads", "copied_heads")
    found = [registry.hash_source("heads", "svm")]
    assert found == [before]
    for name in ("prior", "svm", "_base"):
        (folder / f"{name}.py").write_text("rewritten")
        found.append(registry.hash_source("heads", "svm"))
    assert found[0] == found[1]
    assert len(set(found)) == 3
    assert registry.hash_source("heads", "sklearn.svm.SVC") != registry.hash_source("heads", "prior")


def test_the_source_of_a_head_includes_the_heads_that_it_is_built_from(tmp_path, monkeypatch):
    folder = tmp_path / "copied_heads"
    shutil.copytree(Path(registry.module("heads", "prior").__file__).parent, folder)
    path = folder / "stacking.py"
    path.write_text(path.read_text().replace("from heads.", "from copied_heads."))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(registry.PACKAGES, "heads", "copied_heads")
    before = registry.hash_source("heads", "stacking")
    for name, same in (("prior", True), ("svm", False)):
        (folder / f"{name}.py").write_text("rewritten")
        assert (registry.hash_source("heads", "stacking") == before) == same


def test_a_name_is_known_or_not():
    assert registry.is_known("heads", "svm")
    assert registry.is_known("heads", "sklearn.svm.SVC")
    assert not registry.is_known("heads", "swm")
    assert not registry.is_known("heads", "sklearn.svm.SVD")


def test_a_dotted_path_to_no_classifier_is_a_problem():
    with pytest.raises(BadValue) as caught:
        registry.load("heads", "sklearn.svm.SVD")
    assert [line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:]] == ["expected", "got", "do"]
    with pytest.raises(UnknownName, match="unknown protocol 'a.b'"):
        registry.load("protocols", "a.b")

import subprocess
import sys

import pytest

from featurestore import labels, registry
from featurestore.corpora import Card
from featurestore.errors import Problem

CORPORA = registry.names("corpora")
HEAVY = ("torch", "transformers", "sklearn", "pandas", "opensmile", "h5py")


@pytest.fixture(params=CORPORA)
def corpus(request):
    return request.param


def test_its_card_is_complete(corpus):
    card = labels.card(corpus)
    assert isinstance(card, Card)
    for name in ("title", "licence", "citation", "note"):
        value = getattr(card, name)
        assert value.strip() == value != "", name
        assert not value.endswith("."), name
        assert "\n" not in value, name
    assert set(card.counts) <= set(card.labels)


def test_its_schemes_know_every_label(corpus):
    card = labels.card(corpus)
    for name, classes in card.schemes.items():
        assert set(classes) == set(card.labels), name
        assert labels.scheme(name).classes == classes
    assert not card.default_scheme or card.default_scheme in labels.schemes()


def test_no_two_corpora_have_a_scheme_of_one_name():
    names = [name for corpus in CORPORA for name in labels.card(corpus).schemes]
    assert len(names) == len(set(names))
    assert labels.ALL not in names


def test_its_module_is_light(corpus):
    code = (
        f"import sys; from featurestore import registry; registry.module('corpora', {corpus!r}); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_root_that_is_none_is_a_problem(corpus, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing of a corpus")
    for root in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(Problem) as caught:
            registry.module("corpora", corpus).utterances(root)
        assert str(root) in str(caught.value)
        assert "\n  expected: " in str(caught.value)


def test_a_root_that_is_not_there_is_a_problem_or_made(corpus, tmp_path):
    module = registry.module("corpora", corpus)
    if hasattr(module, "default_root"):
        pytest.skip("this corpus makes itself")
    with pytest.raises(Problem) as caught:
        module.utterances(tmp_path / "no")
    assert str(tmp_path / "no") in str(caught.value)

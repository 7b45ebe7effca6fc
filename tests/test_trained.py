"""Who was trained on is known again, whatever happens to ids, order and containers between training and evaluation."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from featurestore.trained import Contents, TrainedUtterance, from_record, namesakes, overlap


def found(trained, contents, modality="text", manifest="", clips=None, beside=None):
    return overlap(trained, Contents(contents, manifest), modality, lambda name: (clips or {}).get(name, ""), beside)


def test_a_given_id_decides_whatever_its_content_is_now():
    assert found([TrainedUtterance("a", "old")], {"a": "new", "b": "other"}) == {"a": "id"}


@pytest.mark.parametrize(("then", "now"), [("m1", ""), ("", "m2"), ("m1", "m2")])
def test_an_id_that_was_made_up_decides_only_with_the_same_content(then, now):
    trained = [TrainedUtterance("row-2", "words", manifest=then)]
    assert found(trained, {"row-2": "words"}, manifest=now) == {"row-2": "id"}
    assert found(trained, {"row-2": "others"}, manifest=now) == {}


def test_made_up_ids_of_an_unchanged_manifest_are_as_good_as_given_ones():
    trained = [TrainedUtterance("row-2", "yeah", manifest="m")]
    assert found(trained, {"row-2": "yeah", "row-5": "yeah"}, manifest="m") == {"row-2": "id"}
    assert found(trained, {"row-2": "yeah", "row-5": "yeah"}, manifest="n") == {"row-2": "id", "row-5": "text"}


def test_a_record_without_contents_is_believed_by_its_ids():
    (seen,) = from_record({"trained_on": ["row-2"]})
    assert found([seen], {"row-2": "words"}, manifest="m") == {"row-2": "id"}


def test_the_same_clip_is_the_same_utterance_under_any_id():
    trained = [TrainedUtterance("a", "samples")]
    contents = {"a": "samples", "copy": "samples", "b": "else"}
    assert found(trained, contents, "audio") == {"a": "id", "copy": "clip"}


def test_words_that_several_say_are_no_evidence_while_the_one_of_training_is_there():
    trained = [TrainedUtterance("a", "yeah")]
    assert found(trained, {"a": "yeah", "b": "yeah"}) == {"a": "id"}
    assert found(trained, {"b": "yeah"}) == {"b": "text"}
    assert found(trained, {"a": "no", "b": "yeah"}) == {"a": "id", "b": "text"}  # ids that were exchanged


def test_words_of_another_clip_are_another_utterance():
    trained = [TrainedUtterance("a", "yeah", clip="voice 1"), TrainedUtterance("c", "yeah", clip="voice 2")]
    assert found(trained, {"b": "yeah"}, clips={"b": "voice 3"}) == {}
    assert found(trained, {"b": "yeah"}, clips={"b": "voice 2"}) == {"b": "text"}
    assert found(trained, {"b": "yeah"}) == {"b": "text"}  # its clip is not known
    assert found([*trained, TrainedUtterance("d", "yeah")], {"b": "yeah"}, clips={"b": "voice 3"}) == {"b": "text"}


def test_words_of_an_utterance_of_the_other_store_are_no_evidence():
    trained = [TrainedUtterance("a", "yeah")]
    assert found(trained, {"b": "yeah"}, beside=Contents({"a": "yeah"})) == {}
    assert found(trained, {"b": "yeah"}, beside=Contents({"a": "no"})) == {"b": "text"}
    assert found(trained, {"b": "yeah"}, beside=Contents({"a": "yeah"}, "made up")) == {"b": "text"}


def test_a_made_up_id_with_other_content_is_told_apart_by_nobody():
    trained = [TrainedUtterance("clip7", "samples", manifest="m1")]
    assert namesakes(trained, Contents({"clip7": "denoised", "clip8": "x"}, "m2"), {}) == ["clip7"]
    assert namesakes(trained, Contents({"clip7": "samples"}, "m2"), {"clip7"}) == []


# An utterance in truth: its words or samples, which several may share where they are words.
CORPORA = st.lists(st.sampled_from([f"content {number}" for number in range(8)]), min_size=1, max_size=12)


@st.composite
def edited(draw):
    """Draw a corpus, who of it was trained on, and the rows that are there later: shuffled, deleted, inserted, renamed.

    Gives the record of training, the later rows, and which of these rows are in truth an utterance of training.
    """
    contents, given_then, given_now = draw(CORPORA), draw(st.booleans()), draw(st.booleans())
    trained = draw(st.sets(st.integers(0, len(contents) - 1)))
    kept = draw(st.permutations(sorted(draw(st.sets(st.integers(0, len(contents) - 1))))))
    rows = [(number, contents[number]) for number in kept]
    for new in draw(st.lists(st.sampled_from(["content 1", "content 9"]), max_size=3)):
        rows.insert(draw(st.integers(0, len(rows))), (None, new))
    names = [str(place) for place in range(len(rows))]  # numbers of rows
    if given_then and given_now:
        renamed = draw(st.sets(st.sampled_from(kept))) if kept else set()
        names = [
            f"new {place}" if number is None or number in renamed else str(number)
            for place, (number, _) in enumerate(rows)
        ]
    changed = [content for _, content in rows] != contents
    made_by = {"then": "" if given_then else "m1", "now": "" if given_now else ("m2" if changed else "m1")}
    record = [TrainedUtterance(str(number), contents[number], manifest=made_by["then"]) for number in sorted(trained)]
    later = Contents(dict(zip(names, (content for _, content in rows), strict=True)), made_by["now"])
    return record, later, {name for name, (number, _) in zip(names, rows, strict=True) if number in trained}


@pytest.mark.parametrize("modality", ["audio", "text"])
@given(edited())
def test_no_utterance_of_training_is_missed(modality, drawn):
    record, later, truth = drawn
    assert truth <= find(record, later, modality).keys()


@pytest.mark.parametrize("modality", ["audio", "text"])
@given(edited())
def test_only_what_shares_an_id_or_content_with_training_is_found(modality, drawn):
    record, later, _ = drawn
    ids, contents = {one.id for one in record}, {one.content for one in record}
    for name in find(record, later, modality):
        assert later.by_id[name] in contents or (not later.manifest and name in ids)


@given(edited(), st.randoms())
def test_the_order_of_rows_decides_nothing(drawn, random):
    record, later, _ = drawn
    shuffled = dict(random.sample(sorted(later.by_id.items()), len(later.by_id)))
    assert find(record, Contents(shuffled, later.manifest)) == find(record, later)


def find(record, later, modality="text"):
    return overlap(record, later, modality, lambda name: "")

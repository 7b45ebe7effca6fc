"""Training utterances are recognized, whatever happens to ids and order between training and evaluation."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from featurestore.errors import Mismatch
from featurestore.exposure import Contents, Exposure, TrainedUtterance, read_trained_utterances
from featurestore.store_exposure import find_exposure


def exposure(trained, contents, modality="text", made_up=None, clips=None, other=None):
    here = Contents(contents, made_up or {})
    return find_exposure(trained, here, modality, lambda name: (clips or {}).get(name, ""), other)


def found(*given, **options):
    return exposure(*given, **options).known


def test_an_id_of_the_corpus_is_proof_whatever_its_content_is_now():
    assert found([TrainedUtterance("a", "old")], {"a": "new", "b": "other"}) == {"a": "id"}


@pytest.mark.parametrize(("then", "now"), [("m1", ""), ("", "m2"), ("m1", "m2")])
def test_a_made_up_id_is_proof_only_with_the_same_content(then, now):
    trained, made_up = [TrainedUtterance("row-2", "words", origin=then)], {"row-2": now} if now else {}
    assert found(trained, {"row-2": "words"}, made_up=made_up) == {"row-2": "id"}
    assert exposure(trained, {"row-2": "others"}, made_up=made_up) == Exposure({}, ("row-2",))


def test_made_up_ids_of_unchanged_rows_are_proof():
    trained = [TrainedUtterance("row-2", "yeah", origin="m")]
    contents = {"row-2": "yeah", "row-5": "yeah"}
    assert found(trained, contents, made_up=dict.fromkeys(contents, "m")) == {"row-2": "id"}
    assert found(trained, contents, made_up=dict.fromkeys(contents, "n")) == {"row-2": "id", "row-5": "text"}


def test_an_id_of_the_corpus_is_proof_beside_made_up_ones():
    trained = [TrainedUtterance("a", "samples"), TrainedUtterance("row-2", "others", origin="m")]
    contents = {"a": "denoised", "row-2": "denoised too"}
    assert exposure(trained, contents, "audio", {"row-2": "n"}) == Exposure({"a": "id"}, ("row-2",))


def test_a_record_without_contents_is_matched_by_its_ids():
    (seen,) = read_trained_utterances({"trained_on": ["row-2"]})
    assert found([seen], {"row-2": "words"}, made_up={"row-2": "m"}) == {"row-2": "id"}


def test_the_same_clip_is_recognized_under_any_id():
    contents = {"a": "samples", "copy": "samples", "b": "else"}
    assert found([TrainedUtterance("a", "samples")], contents, "audio") == {"a": "id", "copy": "clip"}


def test_common_words_are_no_proof_if_the_training_utterance_is_in_the_store():
    trained = [TrainedUtterance("a", "yeah")]
    assert found(trained, {"a": "yeah", "b": "yeah"}) == {"a": "id"}
    assert found(trained, {"b": "yeah"}) == {"b": "text"}
    assert found(trained, {"a": "no", "b": "yeah"}) == {"a": "id", "b": "text"}  # ids that were exchanged


def test_common_words_make_a_suspect_if_both_corpora_gave_their_ids():
    twice = [TrainedUtterance("a", "yeah"), TrainedUtterance("c", "yeah")]
    assert exposure(twice, {"b": "yeah"}) == Exposure({}, ("b",))
    assert exposure([TrainedUtterance("a", "yeah")], {"b": "yeah", "d": "yeah"}) == Exposure({}, ("b", "d"))
    assert found([TrainedUtterance("a", "a long sentence")], {"b": "a long sentence"}) == {"b": "text"}
    assert found(twice, {"row-2": "yeah"}, made_up={"row-2": "m"}) == {"row-2": "text"}
    made_up = [replace(seen, origin="m") for seen in twice]
    assert found(made_up, {"b": "yeah"}) == {"b": "text"}


def test_equal_words_of_another_clip_make_a_suspect():
    trained = [TrainedUtterance("a", "yeah", clip="voice 1"), TrainedUtterance("c", "yeah", clip="voice 2")]
    assert exposure(trained, {"b": "yeah"}, clips={"b": "voice 3"}) == Exposure({}, ("b",))
    assert found(trained, {"b": "yeah"}, clips={"b": "voice 2"}) == {"b": "clip"}
    assert found(trained[:1], {"b": "yeah"}) == {"b": "text"}  # its clip is not known
    assert exposure([*trained, TrainedUtterance("d", "yeah")], {"b": "yeah"}, clips={"b": "voice 3"}).suspects == ("b",)


def test_a_clip_is_recognized_with_other_words_and_another_id():
    trained = [TrainedUtterance("a", "gold", clip="voice", origin="m1")]
    assert found(trained, {"a": "recognised"}, made_up={"a": "m2"}, clips={"a": "voice"}) == {"a": "clip"}
    copied = {"a": "gold", "copy": "gold"}
    clips = dict.fromkeys(copied, "voice")
    assert found([TrainedUtterance("a", "gold", clip="voice")], copied, clips=clips) == {"a": "id", "copy": "clip"}


def test_words_of_an_utterance_in_the_other_store_are_no_proof():
    trained = [TrainedUtterance("a", "yeah")]
    assert exposure(trained, {"b": "yeah"}, other=Contents({"a": "yeah"}, {})) == Exposure({})
    assert found(trained, {"b": "yeah"}, other=Contents({"a": "no"}, {})) == {"b": "text"}
    assert found(trained, {"b": "yeah"}, other=Contents({"a": "yeah"}, {"a": "made up"})) == {"b": "text"}


# An utterance in truth: its words or samples, which several may share where they are words.
CORPORA = st.lists(st.sampled_from([f"content {number}" for number in range(8)]), min_size=1, max_size=12)


@st.composite
def edited(draw):
    """Draw a corpus, its training utterances, and its later rows: shuffled, deleted, inserted, renamed.

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
    origins = {"then": "" if given_then else "m1", "now": "" if given_now else ("m2" if changed else "m1")}
    record = [TrainedUtterance(str(number), contents[number], origin=origins["then"]) for number in sorted(trained)]
    by_id = dict(zip(names, (content for _, content in rows), strict=True))
    later = Contents(by_id, {} if given_now else dict.fromkeys(by_id, origins["now"]))
    return record, later, {name for name, (number, _) in zip(names, rows, strict=True) if number in trained}


@pytest.mark.parametrize("modality", ["audio", "text"])
@given(edited())
def test_no_training_utterance_is_missed(modality, drawn):
    record, later, truth = drawn
    result = find(record, later, modality)
    assert truth <= {*result.known, *(result.suspects if modality == "text" else ())}


@pytest.mark.parametrize("modality", ["audio", "text"])
@given(edited())
def test_only_utterances_with_an_id_or_content_of_training_are_found(modality, drawn):
    record, later, _ = drawn
    ids, contents = {one.id for one in record}, {one.content for one in record}
    for name in find(record, later, modality).known:
        assert later.by_id[name] in contents or (not later.made_up and name in ids)


@given(edited(), st.randoms())
def test_the_order_of_rows_does_not_matter(drawn, random):
    record, later, _ = drawn
    shuffled = dict(random.sample(sorted(later.by_id.items()), len(later.by_id)))
    again, before = find(record, Contents(shuffled, later.made_up)), find(record, later)
    assert (again.known, set(again.suspects)) == (before.known, set(before.suspects))


def find(record, later, modality="text"):
    return find_exposure(record, later, modality, lambda name: "")


@given(edited(), st.sets(st.integers(0, 11)), st.sets(st.integers(0, 11)))
def test_with_clips_every_training_utterance_is_known_or_a_suspect(drawn, rewritten, reencoded):
    """Each utterance has its own clip. Later, some have other words, some another clip, some both."""
    record, later, truth = drawn
    clips = {seen.id: f"voice {seen.id}" for seen in record}
    record = [replace(seen, clip=clips[seen.id]) for seen in record]
    names = list(later.by_id)
    own = {name: f"voice {number}" for number, name in enumerate(names)}  # those of training have theirs, below
    sources = iter(sorted(truth))
    by_content = {seen.content: seen for seen in record}
    contents, both = dict(later.by_id), set()
    for name in sources:
        seen = by_content[later.by_id[name]]
        place = names.index(name)
        own[name] = f"{seen.clip} again" if place in reencoded else seen.clip
        if place in rewritten:
            contents[name] = f"rewritten {name}"
        if place in rewritten and place in reencoded:
            both.add(name)
    result = find_exposure(record, Contents(contents, later.made_up), "text", own.__getitem__)
    ids = {seen.id for seen in record}
    for name in truth - both:
        hidden = name not in ids and contents[name] not in by_content  # neither id nor words lead to its clip
        assert hidden or name in result.known or name in result.suspects


@pytest.mark.parametrize("entries", [[{"name": "a"}], ["a"], 7, [{"id": "a", "extra": 1}]])
def test_a_damaged_record_is_reported(entries):
    with pytest.raises(Mismatch, match=r"finetune\.json, .*, is damaged\n  expected: .*\n  got: .*\n  do: fine-tune"):
        read_trained_utterances({"trained_utterances": entries})

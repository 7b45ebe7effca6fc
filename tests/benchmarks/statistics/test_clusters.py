"""Intervals resample speakers where they are known, else dialogues, else single utterances."""

from dataclasses import replace

import pytest

from benchmarks.statistics.clusters import Clusters, choose_clusters
from featurestore.manifest import Utterance


def test_clusters_are_speakers_where_two_are_known():
    rows = [Utterance(f"u{n}", speaker=f"S{n % 6}", dialogue=f"D{n % 3}") for n in range(18)]
    found = choose_clusters(rows)
    assert (found.over, found.note, found.count) == ("speakers", "", 6)
    assert (choose_clusters(rows[:2]).over, choose_clusters(rows[:2]).count) == ("speakers", 2)
    assert found.for_ids(["u1", "u7"]) == ["S1", "S1"]


def test_an_utterance_without_a_speaker_is_a_cluster_of_its_own():
    rows = [Utterance(f"u{n}", speaker=f"S{n % 6}", dialogue="D") for n in range(6)]
    found = choose_clusters([*rows, Utterance("x"), Utterance("y")])
    assert found.over == "speakers"
    assert len({*found.for_ids(["u0", "u1", "x", "y"])}) == 4
    assert found.note == "2 of 8 test utterances name no speaker and are resampled one by one"
    hardly = [replace(row, speaker="", dialogue=f"D{n % 3}") for n, row in enumerate(rows)]
    assert choose_clusters([*hardly, Utterance("x", speaker="S", dialogue="D0")]).over == "dialogues"


def test_one_speaker_is_no_cluster_and_that_is_note():
    rows = [Utterance(f"u{n}", speaker="S", dialogue=f"D{n % 6}") for n in range(12)]
    note = "all test utterances are of one speaker: the intervals do not cover differences between speakers"
    assert (choose_clusters(rows).over, choose_clusters(rows).note) == ("dialogues", note)
    alone = choose_clusters([replace(row, dialogue="") for row in rows])
    assert (alone.over, alone.for_ids(["u1"]), alone.note) == ("utterances", None, note)
    assert choose_clusters([Utterance(f"u{n}") for n in range(9)]) == Clusters("utterances", {}, count=9)


@pytest.mark.parametrize("column", ["speaker", "dialogue"])
@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 10])
def test_of_fewer_than_six_it_is_note_that_nothing_can_be_shown(column, count):
    rows = [Utterance(f"u{n}", **{column: f"G{n % count}"}) for n in range(20 * count)]
    note = f"only {count} {column}s in test, too few to show a difference"
    assert choose_clusters(rows).few == (note if count < 6 else "")
    assert (choose_clusters(rows).note, choose_clusters(rows).count) == ("", count)


def test_few_speakers_stay_few_beside_speakers_of_one_utterance_or_without_a_name():
    rows = [Utterance(f"u{n}", speaker=f"S{n % 2}") for n in range(200)]
    unnamed = choose_clusters([*rows, *(Utterance(f"x{n}") for n in range(20))])
    assert unnamed.few == "only 2 speakers in test, too few to show a difference"
    unequal = choose_clusters([*rows, *(Utterance(f"x{n}", speaker=f"X{n}") for n in range(20))])
    assert unequal.few == (
        "the 22 speakers in test have very unequal numbers of utterances: their effective number is 2.4, too few to "
        "show a difference"
    )
    assert choose_clusters([Utterance("u0"), Utterance("u1")]).few == (
        "only 2 utterances in test, too few to show a difference"
    )

"""The paper's figures and its split agree with each other and with a release of IEMOCAP's size."""

import pytest

from benchmarks.evaluation.guards import check_leakage
from benchmarks.paper.paper_plan import Epochs, PaperPlan, read_published_figures
from benchmarks.paper.switches import MODES
from featurestore.manifest import Utterance
from tests.support import iemocap_release as release


class Release:
    """A store of IEMOCAP's manifest without its clips."""

    corpus = "iemocap"
    utterances = tuple(Utterance(turn.id, label=turn.label, session=turn.id[4]) for turn in release.full_turns())


def plan(mode):
    return PaperPlan(Release(), MODES[mode], Epochs(), read_published_figures()["checkpoints"])


@pytest.mark.parametrize("stage", ["text", "audio", "fusion"])
def test_each_published_figure_is_a_whole_number_of_turns(stage):
    paper = read_published_figures()["stages"][stage]
    for block in paper["blocks"]:
        right = block["accuracy"] / 100 * paper["n"]
        # within the three printed digits, truncated or rounded
        assert abs(right - round(right)) < 0.001 / 100 * paper["n"]


def test_the_text_models_figures_fit_ten_labels_and_not_nine():
    figures = [block["accuracy"] for block in read_published_figures()["stages"]["text"]["blocks"]]
    off = {n: max(abs(figure * n / 100 - round(figure * n / 100)) for figure in figures) for n in (1506, 1507)}
    assert off[1507] < 0.02 < 0.4 < off[1506]


def test_the_published_split_of_six_classes():
    fold = plan("exact").fold("fusion")
    sessions = {row.id: row.session for row in Release.utterances}
    assert (len(fold.train), len(fold.test)) == (5904, 1476)
    assert {sessions[name] for name in fold.test} == {"5"}
    assert sum(sessions[name] == "5" for name in fold.train) == 146


def test_the_published_split_of_the_text_model_differs():
    """Compare two splits; the place of rare labels, made up here, decides which turns are in training and test."""
    text, fused = (plan("exact").fold(stage) for stage in ("text", "fusion"))
    assert (len(text.train), len(text.test)) == (6025, read_published_figures()["stages"]["text"]["n"])
    assert set(text.train) & set(fused.test) or set(text.test) & set(fused.train)


def test_the_repaired_split_is_the_same_for_all_models_and_leaks_nothing():
    one = plan("fixed")
    text, audio, fused = (one.fold(stage) for stage in ("text", "audio", "fusion"))
    assert text == audio == fused
    assert check_leakage([fused], {"holdout": {"text": frozenset(text.train)}}) == {}

"""The benchmarks that the growth of reports is measured on, and the rows of the table."""

import numpy as np

from benchmarks.grid import results
from benchmarks.speed import report_growth
from benchmarks.speed._growth import Cost
from benchmarks.speed._predictions import CLASSES, write_benchmark


def test_each_utterance_is_tested_once_by_each_head_and_seed(tmp_path):
    write_benchmark(tmp_path, 60, speakers=6)
    found = results.read(tmp_path)
    assert [(one.name, len(one.pooled)) for one in found.systems] == [
        (f"{h} on both", 2) for h in ("prior", "svm", "mlp")
    ]
    assert [one.name for one in found.controls] == ["svm on both, train size 0.5"]
    assert (found.clusters.over, found.clusters.count, len(found.ids)) == ("speakers", 6, 60)
    for system in (*found.systems, *found.controls):
        for answers in system.pooled:
            assert [found.about["classes"][one] for one in found.ids] == list(answers.truth)
            assert [CLASSES[row] for row in np.asarray(answers.probabilities).argmax(1)] == list(answers.prediction)


def test_without_speakers_intervals_resample_utterances(tmp_path):
    write_benchmark(tmp_path, 20, speakers=0)
    assert results.read(tmp_path).clusters.over == "utterances"


def test_the_page_of_the_largest_size_has_a_bar(tmp_path, monkeypatch):
    def grow(work, sizes, folder, speakers):
        for rows in sizes:
            out = report_growth.name_folder(folder, rows, speakers)
            out.mkdir(exist_ok=True)
            (out / "report.html").write_bytes(bytes(rows * 20_000))
        return [Cost(rows, 1.0, 100.0) for rows in sizes]

    monkeypatch.setattr(report_growth, "measure_growth", grow)
    rows = report_growth.measure(tmp_path, small=True)
    assert [row.value for row in rows if row.name.startswith("page")] == [300 * 20_000 / 2**20] * 2
    assert {row.passed for row in rows if row.name.startswith("page")} == {False}  # more than 5 MB

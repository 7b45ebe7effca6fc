"""Runs whose rows are read in batches, against the same runs in memory."""

import dataclasses
import json

import numpy as np
import pytest

from benchmarks.evaluation import streaming
from benchmarks.evaluation.baselines import is_baseline
from benchmarks.evaluation.run import execute
from benchmarks.evaluation.run_spec import digest
from benchmarks.evaluation.streaming import can_stream, measure_matrix
from benchmarks.fitting.fit import fit_head
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import plan
from benchmarks.grid.runner import benchmark
from featurestore import registry
from featurestore.engines import Engine
from featurestore.errors import BadValue, Unavailable
from heads import StreamedMatrix, load_head
from tests.support.fake_store import FakeStore
from tests.support.quick_heads import quick_params

SESSIONS = "leave-one-session-out"
STREAMING = ("logistic", "mlp", "prior", "svm", "xgb")
SIZE = 72 * (6 + 4 + 3) * 4  # bytes of every row of the store


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr("heads._streamed._BATCH", 100)


def specify(head, store=None, **options):
    params = quick_params(head, epochs=2, n_estimators=3)
    given = {"features": None, "protocol": SESSIONS, **options}
    config = BenchmarkConfig.parse((head,), **given)
    config = dataclasses.replace(config, params={head: params})
    return plan(store or FakeStore(), config, lambda line: None).specs


def free(monkeypatch, size):
    monkeypatch.setattr("benchmarks.evaluation.streaming.measure_free_memory", lambda: size)


@pytest.mark.parametrize("normalize", ["none", "global", "speaker"])
@pytest.mark.parametrize("head", STREAMING)
def test_a_streamed_run_answers_as_one_in_memory(head, normalize):
    specs = specify(head, normalize=(normalize,), permute=True)
    group = [spec.permuted for spec in specs if spec.fold == specs[0].fold]
    there, found = (
        execute(FakeStore(), dataclasses.replace(specs[0], stream=mode), group) for mode in ("never", "always")
    )
    assert (there.streamed, found.streamed) == (False, True)
    assert len(found.answers) == len(group) == 3
    for one, other in zip(found.answers, there.answers, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-4)
    assert (found.blocks, found.utterance_ids) == (there.blocks, there.utterance_ids)
    if normalize == "global":
        np.testing.assert_allclose(found.scaling.mean, there.scaling.mean, rtol=1e-6)


def test_a_search_streams_its_inner_folds(monkeypatch):
    fitted = []
    kind = load_head("logistic")
    monkeypatch.setattr(kind, "_fit_in_memory", lambda *_: pytest.fail("an inner fold was read at once"))
    monkeypatch.setattr(kind, "_fit_batches", lambda *given, real=kind._fit_batches: fitted.append(1) or real(*given))
    (spec, *_) = specify("logistic", search=2)
    assert execute(FakeStore(), dataclasses.replace(spec, params={}, stream="always")).streamed
    assert len(fitted) > 3


def test_cross_fitted_logits_are_streamed():
    ids = [row.id for row in FakeStore().utterances if row.label]
    tuned = {"text@1": frozenset(one for one in ids if not one.startswith("Ses01"))}
    tuned |= {f"text@1-x{part}": frozenset(one for one in ids if one.startswith(f"Ses0{part + 1}")) for part in (1, 2)}
    store = FakeStore(tuned=tuned, extra=tuple(tuned))
    for logits in ("cross-fitted", "cross-fitted-mean"):
        spec = specify("logistic", store, fold="1", logits=(logits,))[0]
        for part in (spec.training, sorted(spec.fold.test)):
            X = spec.inputs.read(store, part, streamed=True).X
            assert isinstance(X, StreamedMatrix)
            assert np.array_equal(X[:], spec.inputs.read(store, part).X)


@pytest.mark.parametrize(("memory", "streamed"), [(8 * SIZE, False), (8 * SIZE - 8, True)])
def test_a_matrix_larger_than_an_eighth_of_the_memory_is_streamed(monkeypatch, memory, streamed):
    (spec, *_) = specify("logistic")
    assert measure_matrix(FakeStore(), spec) == SIZE
    free(monkeypatch, memory)
    assert execute(FakeStore(), spec).streamed == streamed
    assert not execute(FakeStore(), dataclasses.replace(spec, stream="never")).streamed


@pytest.mark.parametrize(
    ("head", "stream", "advice"),
    [
        ("stacking", "auto", "choose a head that reads in batches (logistic, mlp, svm, xgb), fewer features, or a mac"),
        ("logistic", "never", "leave --stream never out: this head can read in batches"),
    ],
)
def test_a_matrix_that_does_not_fit_is_refused(monkeypatch, head, stream, advice):
    free(monkeypatch, SIZE - 1)
    (spec, *_) = specify(head)
    with pytest.raises(Unavailable) as caught:
        execute(FakeStore(), dataclasses.replace(spec, stream=stream))
    first, expected, got, do = str(caught.value).splitlines()
    assert first == f"head {head} needs its whole matrix in memory, and it does not fit: {spec.system}, fold 1"
    assert (expected, got) == ("  expected: at most 0 MB, the free memory", "  got: 0 MB")
    assert do.startswith(f"  do: {advice}")


def test_the_record_the_lines_and_the_command_say_so(tmp_path):
    lines = []
    config = BenchmarkConfig.parse(("logistic", "stacking"), None, protocol=SESSIONS, fold="1", stream="always")
    assert "--stream always" in config.command(tmp_path, tmp_path)
    benchmark(FakeStore(), config, tmp_path, engine=Engine(jobs=1), say=lines.append)
    records = [json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*.json")]
    assert {one["head"]: one.get("streamed") for one in records} == {"logistic": True, "stacking": None}
    assert [" logistic " in line for line in lines if line.endswith(" s to fit, rows read in batches")] == [True]
    lines.clear()
    fit_head(FakeStore(), head="xgb", params={"n_estimators": 2}, stream="always", say=lines.append)
    assert next(line for line in lines if line.startswith("fold")).endswith(", rows read in batches")


def test_how_rows_are_read_is_no_part_of_what_a_run_is():
    (spec, *_) = specify("logistic")
    assert digest(FakeStore(), spec, {}) == digest(FakeStore(), dataclasses.replace(spec, stream="always"), {})


def test_messages_name_the_heads_that_stream():
    found = [head for head in registry.names("heads") if can_stream(load_head(head)) and not is_baseline(head)]
    assert ", ".join(found) == streaming._HEADS


def test_values_of_the_option_are_checked():
    with pytest.raises(BadValue, match="^unknown value 'yes' of --stream\n  expected: auto, always, never$"):
        BenchmarkConfig.parse(("logistic",), stream="yes")
    with pytest.raises(BadValue, match="^--stream always: heads stacking, conv1d cannot read rows in batches\n"):
        BenchmarkConfig.parse(("stacking", "conv1d"), stream="always")

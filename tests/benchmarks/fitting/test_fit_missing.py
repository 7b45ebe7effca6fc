"""`cli fit-head --missing`: figures with a modality hidden, what the bundle says, and that `drop` changes nothing."""

import json
import re

import numpy as np
import pytest

from benchmarks.fitting.fit import fit_and_save, fit_head
from featurestore.errors import Mismatch
from featurestore.prediction import bundle as bundles
from heads import Block, Inputs
from tests.benchmarks.statistics.plain_metrics import METRICS
from tests.support.fake_store import FakeStore, corpus

IDS = [row.id for row in corpus() if row.label]
WITHOUT = {"text": dict.fromkeys(IDS[1::5], "no transcript"), "audio": dict.fromkeys(IDS[2::5], "no audio file")}
FEATURES = ["audio.mean", "text.mean"]
TESTED = [row.id for row in corpus() if row.label and row.session == "1"]
AUDIO, TEXT = (sum(one in WITHOUT[name] for one in TESTED) for name in ("audio", "text"))
COMPLETE = len(TESTED) - AUDIO - TEXT


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    return fit_and_save(
        FakeStore(lacking=WITHOUT, spread=0.7),
        head="logistic",
        params=(),
        features=",".join(FEATURES),
        out=tmp_path_factory.mktemp("fit") / "bundle",
        protocol="leave-one-session-out",
        fold="1",  # of several, folds are fitted in worker processes, which take seconds to start
        missing="both-trained",
        modality_dropout=0.4,
    )


def test_figures_are_given_for_each_share_of_each_modality(fitted):
    assert [str(one.hidden) for one in fitted.hidden] == [
        "None",
        *(f"{share} % without {name}" for name in ("text", "audio") for share in (20, 50, 80, 100)),
    ]
    assert fitted.hidden[0].metrics["accuracy"].value == fitted.pooled.metrics["accuracy"].value
    assert fitted.hidden[0].lacking == {"complete": COMPLETE, "audio": AUDIO, "text": TEXT}
    assert fitted.hidden[4].lacking == {"audio": AUDIO, "text": TEXT + COMPLETE}
    truth, found = ([getattr(row, name) for row in fitted.predictions] for name in ("truth", "prediction"))
    for name, metric in METRICS.items():
        assert fitted.hidden[0].metrics[name].value == pytest.approx(metric(truth, found))
    assert fitted.hidden[4].metrics["accuracy"].value < fitted.hidden[0].metrics["accuracy"].value


def test_the_table_and_the_json_show_them(fitted):
    lines = fitted.table().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("hidden in test  "))
    assert re.split("  +", lines[start])[:4] == ["hidden in test", "complete", "without audio", "without text"]
    assert lines[start + 1].split()[:4] == ["nothing", *map(str, (COMPLETE, AUDIO, TEXT))]
    assert lines[start + 5].split()[:6] == ["text", "100", "%", "0", str(AUDIO), str(TEXT + COMPLETE)]
    assert any(line.startswith("missing both-trained: utterances that lack a modality stay") for line in lines)
    assert "40 % of the complete training utterances lose one (modality dropout)" in fitted.table()
    content = json.loads(json.dumps(fitted.to_json()))["missing"]
    assert {name: len(ids) for name, ids in content["lacking"].items()} == {"audio": 14, "text": 15}
    assert content["hidden"][4] == {
        "modality": "text",
        "share": 1.0,
        "lacking": {"audio": AUDIO, "text": TEXT + COMPLETE},
        "metrics": {name: vars(one) for name, one in fitted.hidden[4].metrics.items()},
    }


def test_the_bundle_says_what_it_can_do_without_and_predicts_so(fitted):
    content = json.loads((fitted.path / bundles.FILE).read_text("utf-8"))
    assert content["format"] == bundles.EXTENDED
    assert content["params"] == fitted.bundle.head.estimator.get_params()
    assert content["missing"]["mode"] == "both-trained"
    kept = 72 - 29 - COMPLETE  # complete in training, of which 40 % lose the first of the modalities or the second
    lost = round(0.4 * kept)
    training = {"audio": 14 - AUDIO + -(-lost // 2), "complete": kept - lost, "text": 15 - TEXT + lost // 2}
    assert content["missing"]["training"] == training
    value = fitted.hidden[4].metrics["accuracy"].value
    assert content["missing"]["without"]["text"]["accuracy"]["value"] == value
    loaded = bundles.load(fitted.path)
    assert loaded.optional == ("text", "audio")
    X, widths, ids = FakeStore().matrix(FEATURES, IDS)
    blocks = tuple(Block(name, name.partition(".")[0], (width,)) for name, width in widths.items())
    inputs = Inputs(X, blocks, present={"text": np.arange(len(ids)) % 2 == 0})
    assert np.array_equal(loaded.head.predict_proba(inputs), fitted.bundle.head.predict_proba(inputs))


def test_a_bundle_of_a_complete_fit_says_nothing_of_it(tmp_path):
    for name, options in (("plain", {}), ("drop", {"missing": "drop"})):
        result = fit_and_save(FakeStore(), head="svm", params=(), features=None, out=tmp_path / name, **options)
        assert result.hidden == ()
        assert "missing" not in result.to_json()
        assert "hidden in test" not in result.table()
    texts = [(tmp_path / name / bundles.FILE).read_bytes() for name in ("plain", "drop")]
    assert texts[0] == texts[1]
    assert json.loads(texts[0])["format"] == bundles.FORMAT
    assert "missing" not in json.loads(texts[0])
    assert bundles.load(tmp_path / "plain").optional == ()


def test_dropping_leaves_out_what_lacks_a_feature():
    masked, dropping = (
        fit_head(FakeStore(lacking=WITHOUT), head="prior", features=FEATURES, missing=missing)
        for missing in ("mask", "drop")
    )
    assert masked.pooled.test > dropping.pooled.test
    assert set(dropping.dropped) == set(WITHOUT["text"]) | set(WITHOUT["audio"])
    assert masked.dropped == {}
    failed = [one.check for one in dropping.checks if one.outcome == "failed"]
    assert "features-missing" in failed
    (check,) = [one for one in masked.checks if one.check == "features-missing"]
    assert check.message == "no utterance is left out; 14 lack audio and 15 lack text, and are predicted without it"


def test_damaged_weights_end_in_a_message(fitted, tmp_path):
    content = json.loads((fitted.path / bundles.FILE).read_text("utf-8"))
    assert "missing.safetensors" in content["weights"]
    (tmp_path / bundles.FILE).write_text(json.dumps(content | {"blocks": {"audio.mean": 6}}))
    for name in content["weights"]:
        (tmp_path / name).write_bytes((fitted.path / name).read_bytes())
    with pytest.raises(Mismatch, match=r"cannot be read: missing\.safetensors is of 10 columns, not 6"):
        bundles.load(tmp_path)

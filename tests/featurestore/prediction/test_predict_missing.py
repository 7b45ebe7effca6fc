"""Prediction without a modality: what is not given, what cannot be encoded, and what is said about it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.fitting.fit import fit_and_save
from cli import main
from featurestore import encoders
from featurestore.errors import BadValue
from featurestore.extraction.extract import extract_encoder
from featurestore.prediction import bundle as bundles
from featurestore.prediction.predict import predict, render
from featurestore.spec import EncoderSpec
from featurestore.store import Store
from heads import Block, Inputs
from tests.support import tiny

FEATURES = ["audio.mean", "text.cls"]
WARNING = "this head learned from no utterance without {}, so its answers without it may be poor; "


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Return a store with two encoders, and a folder of bundles: `drop`, `mask` and `both-trained`."""
    folder = tmp_path_factory.mktemp("missing")
    store = tiny.store(folder / "store", tiny.utterances(24, folder / "corpus"), folder / "corpus")
    for family, name in (("wav2vec2-group", "audio"), ("deberta-v2", "text")):
        extract_encoder(store, EncoderSpec(name, str(tiny.checkpoint(family, folder / name))), jobs=1, device="cpu")
    store = Store(store.path)
    for missing in ("drop", "mask", "both-trained"):
        options = {"features": ",".join(FEATURES), "normalize": "global", "missing": missing}
        fit_and_save(store, head="logistic", params=("C=1",), out=folder / missing, **options)
    return store, folder


def answer(fitted, **given):
    """Predict by the head of `both-trained` from stored features, without the modality that is not given."""
    store, folder = fitted
    bundle = bundles.load(folder / "both-trained")
    X, widths, _ = store.matrix(FEATURES)
    blocks = tuple(Block(name, name.partition(".")[0], (width,)) for name, width in widths.items())
    present = {name: np.array([bool(given.get(name))]) for name in ("audio", "text")}
    inputs = Inputs(bundle.normalize_rows(X[:1]), blocks, present=present)
    return dict(zip(bundle.classes, bundle.head.predict_proba(inputs)[0], strict=True))


def test_one_modality_is_enough_and_the_answer_says_which_was_missing(fitted):
    store, folder = fitted
    utterance = store.utterances[0]
    clip = str(store.root / utterance.audio)
    for given, missing in (
        ({"audio": clip}, ["text"]),
        ({"text": utterance.text}, ["audio"]),
        ({"audio": clip, "text": utterance.text}, []),
    ):
        lines = []
        (found,) = predict(folder / "both-trained", **given, say=lines.append)
        assert found.to_json().get("missing", []) == missing
        assert "unusable" not in found.to_json()
        assert found.probabilities == pytest.approx(answer(fitted, **given), abs=1e-4)
        assert lines == []
        assert render([found]).endswith(f"  without {missing[0]}" if missing else ")")


def test_a_clip_that_cannot_be_decoded_is_predicted_from_its_text_and_says_why(fitted, tmp_path):
    store, folder = fitted
    (tmp_path / "bad.wav").write_text("no audio")
    text = store.utterances[0].text
    (found,) = predict(folder / "both-trained", audio=tmp_path / "bad.wav", text=text)
    assert found.probabilities == pytest.approx(answer(fitted, text=text), abs=1e-4)
    content = found.to_json()
    assert content["missing"] == ["audio"]
    assert content["unusable"]["audio"].startswith("audio: ")
    assert "bad.wav: is not audio" in content["unusable"]["audio"]
    assert "  without audio: audio: " in render([found])
    (alone,) = predict(folder / "both-trained", audio=tmp_path / "bad.wav")
    assert "bad.wav: is not audio" in alone.reason
    assert alone.to_json().keys() == {"id", "failed"}
    (strict,) = predict(folder / "drop", audio=tmp_path / "bad.wav", text=text)
    assert "bad.wav: is not audio" in strict.reason


def test_rows_of_a_table_are_predicted_from_what_they_have(fitted, tmp_path):
    store, folder = fitted
    clip, text = store.root / store.utterances[0].audio, store.utterances[0].text
    rows = [f"a,{clip},{text}", f"b,{clip},", f"c,,{text}", "d,,", f"e,nowhere.wav,{text}", "f,nowhere.wav,"]
    (tmp_path / "rows.csv").write_text("\n".join(["id,audio,text", *rows]) + "\n")
    result = CliRunner().invoke(
        main, ["predict", str(folder / "both-trained"), "--table", str(tmp_path / "rows.csv"), "--json"]
    )
    assert result.exit_code == 3
    found = json.loads(result.stdout)
    assert [row.get("missing", "failed" if "failed" in row else None) for row in found] == [
        None,
        ["text"],
        ["audio"],
        "failed",
        ["audio"],
        "failed",
    ]
    assert "no such file" in found[4]["unusable"]["audio"]
    for number, given in ((1, {"audio": clip}), (2, {"text": text}), (4, {"text": text})):
        assert found[number]["probabilities"] == pytest.approx(answer(fitted, **given), abs=1e-4)
    alone = [predict(folder / "both-trained", **given)[0] for given in ({"audio": clip}, {"text": text})]
    assert [found[1]["probabilities"], found[2]["probabilities"]] == [dict(one.probabilities) for one in alone]


def test_a_table_may_lack_a_column_and_not_both(fitted, tmp_path):
    _, folder = fitted
    (tmp_path / "words.csv").write_text("id,text\na,the dog\n")
    (found,) = predict(folder / "both-trained", table=tmp_path / "words.csv")
    assert dict(found.missing) == {"audio": ""}
    with pytest.raises(BadValue, match="this bundle needs audio, and .* has no column audio"):
        predict(folder / "drop", table=tmp_path / "words.csv")


def test_a_head_that_never_learned_without_a_modality_says_so(fitted):
    store, folder = fitted
    lines = []
    predict(folder / "mask", text="the dog", say=lines.append)
    assert lines == [f"{WARNING.format('audio')}cli fit-head --missing both-trained learns from them"]
    lines.clear()
    predict(folder / "mask", audio=store.root / store.utterances[0].audio, text="the dog", say=lines.append)
    assert lines == []


def test_a_bundle_that_needs_both_still_asks_for_both(fitted):
    store, folder = fitted
    clip = store.root / store.utterances[0].audio
    with pytest.raises(BadValue, match="this bundle needs a transcript\n  do: pass --text"):
        predict(folder / "drop", audio=clip)
    with pytest.raises(BadValue, match="this bundle needs audio or a transcript\n  do: pass --audio FILE, --text TEXT"):
        predict(folder / "mask", text="  ")


def test_a_network_that_is_not_needed_is_not_loaded(fitted, monkeypatch):
    _, folder = fitted
    loaded = []
    real = encoders.load
    monkeypatch.setattr(
        encoders, "load", lambda identity, device: loaded.append(identity.name) or real(identity, device)
    )
    predict(folder / "both-trained", text="the dog")
    assert loaded == ["text"]


def test_inspect_shows_what_a_bundle_can_do_without(fitted):
    _, folder = fitted
    shown = CliRunner().invoke(main, ["inspect", str(folder / "both-trained")]).output
    section = shown.partition("\nmissing:\n")[2]
    assert "  mode: both-trained\n  dropout: 0.5\n" in section
    assert "  without:\n    text:\n      accuracy:\n" in section
    assert "missing:" not in CliRunner().invoke(main, ["inspect", str(folder / "drop")]).output


def test_the_options_of_the_command_line(fitted, tmp_path):
    store, _ = fitted
    asked = ["fit-head", "--store", str(store.path), "--head", "logistic", "--out", str(tmp_path / "bundle")]
    result = CliRunner().invoke(
        main, [*asked, "--missing", "both-trained", "--modality-dropout", "0.25", "--seed", "1", "--json"]
    )
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)["missing"]
    assert (content["mode"], content["dropout"], content["lacking"]) == (
        "both-trained",
        0.25,
        {"audio": {}, "text": {}},
    )
    fitted_on = sum(content["training"].values())
    assert content["training"]["complete"] == fitted_on - round(0.25 * fitted_on)
    assert [one["share"] for one in content["hidden"]] == [0, *[0.2, 0.5, 0.8, 1] * 2]
    for options, code, message in (
        (("--missing", "keep"), 2, "'keep' is not one of 'drop', 'mask', 'both-trained'"),
        (("--missing", "both-trained", "--modality-dropout", "0"), 2, "0.0 is not in the range 0<x<=1"),
        (("--missing", "mask", "--features", "text.cls"), 1, "no modality can be masked: no feature set has both text"),
        (("--modality-dropout", "0.3"), 1, "--modality-dropout is a setting of --missing both-trained"),
    ):
        refused = CliRunner().invoke(main, [*asked, *options])
        assert refused.exit_code == code
        assert message in refused.output

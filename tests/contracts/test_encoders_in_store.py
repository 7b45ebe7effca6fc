"""What every encoder must do in a store: extract, describe, verify, fit a head, predict.

Runs every hand-made encoder of the package, and one network per modality.
"""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.fitting.fit import fit_and_save
from featurestore import encoders
from featurestore.errors import UnknownName
from featurestore.extraction.extract import extract_encoder
from featurestore.inspection.describe import describe
from featurestore.inspection.verify import verify
from featurestore.networks.identity import OPTIONAL
from featurestore.prediction.predict import predict
from featurestore.spec import EncoderSpec, format_checkpoint
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.support import tiny

NETWORKS = ("wav2vec2-group", "deberta-v2")
COUNT = 12


@pytest.fixture(scope="module", params=[*encoders.list_handmade(), *NETWORKS])
def stored(request, tmp_path_factory):
    """Encode a store with one encoder. One of its utterances has neither clip nor text."""
    folder = tmp_path_factory.mktemp("stored")
    rows = tiny.utterances(COUNT, folder / "corpus")
    rows[-1] = replace(rows[-1], audio="", text="")
    store = tiny.store(folder / "store", rows, folder / "corpus")
    name = request.param
    checkpoint = str(tiny.checkpoint(name, folder / name)) if name in NETWORKS else name
    identity = encoders.identify(EncoderSpec("one", checkpoint))
    return Store(store.path), identity, extract_encoder(store, identity, jobs=1, device="cpu")


def always(identity):
    return [kind for kind in identity.kinds if kind not in OPTIONAL]


def test_extraction_stores_the_vectors_that_the_encoder_gives(stored):
    store, identity, extracted = stored
    file, encoder = FeatureFile(extracted.path), encoders.load(identity, "cpu")
    assert list(file.ids) == [row.id for row in store.utterances[:-1]]
    assert sorted(file.kinds) == sorted(always(identity))
    for row, utterance in enumerate(store.utterances[:-1]):
        (expected,) = encoders.encode(encoder, [encoder.load(store.item(utterance))], frozenset(file.kinds))
        for kind in file.kinds:
            np.testing.assert_allclose(file[kind][row], expected[kind], rtol=1e-4, atol=1e-5, err_msg=kind)


def test_an_utterance_without_input_fails_with_the_reason(stored):
    store, identity, extracted = stored
    reason = {"audio": "no audio file", "text": "no transcript"}[identity.modality]
    assert extracted.failed == {store.utterances[-1].id: reason}


def test_extraction_again_encodes_nothing(stored):
    store, identity, _ = stored
    again = extract_encoder(store, identity, jobs=1, device="cpu")
    assert (again.encoded, again.reused) == (0, COUNT - 1)


def test_optional_kinds_are_added_to_the_same_vectors(stored, tmp_path):
    store, identity, extracted = stored
    copy = Store(shutil.copytree(store.path, tmp_path / "copy"))
    optional = [kind for kind in identity.kinds if kind in OPTIONAL]
    for kind in optional:
        with pytest.raises(UnknownName, match=f"one has no {kind}\n(.|\n)* --{kind}$"):
            copy.matrix([f"one.{kind}[1]"])
    extract_encoder(copy, identity, optional=optional, jobs=1, device="cpu")
    before, after = FeatureFile(extracted.path), FeatureFile(copy.path / "one.h5")
    assert set(after.kinds) == set(identity.kinds)
    assert (after.ids, after.keys()) == (before.ids, before.keys())
    for kind in before.kinds:
        np.testing.assert_allclose(after[kind], before[kind], rtol=1e-4, atol=1e-5, err_msg=kind)
    if "frames" in optional:
        assert all(len(after.frames(row)) for row in range(COUNT - 1))
    assert verify(copy.path, sample=4).is_intact
    assert extract_encoder(copy, identity, optional=optional, jobs=1, device="cpu").encoded == 0


def test_the_header_identifies_the_encoder(stored):
    _, identity, extracted = stored
    description = FeatureFile(extracted.path).header.encoder
    assert description == json.loads(json.dumps(identity.description))
    assert encoders.identify(EncoderSpec("one", format_checkpoint(description))).fingerprint() == identity.fingerprint()


def test_the_file_and_the_store_are_described(stored):
    store, _, extracted = stored
    assert describe(extracted.path)["utterances"] == COUNT - 1
    files = describe(store.path)["feature files"]
    assert files["one"]["features"] == [f"one.{kind}" for kind in FeatureFile(extracted.path).kinds]
    assert files["one"]["state"] == "fresh"


def test_the_file_is_verified_and_encoded_again_with_the_same_vectors(stored):
    store, _, _ = stored
    verified = verify(store.path, sample=4)
    assert verified.is_intact, verified.summary()


def test_a_head_on_its_features_predicts_new_speech_as_stored(stored, tmp_path):
    store, identity, _ = stored
    feature = f"one.{always(identity)[0]}"
    fitted = fit_and_save(store, head="svm", params=(), features=feature, out=tmp_path / "bundle")
    ids = store.available([feature])
    X, _, _ = store.matrix([feature], ids)
    expected = fitted.bundle.head.predict_proba(X)
    utterance = store.utterances[3]
    (found,) = predict(fitted.path, audio=str(store.root / utterance.audio), text=utterance.text)
    np.testing.assert_allclose(list(found.probabilities.values()), expected[ids.index(utterance.id)], atol=1e-3)

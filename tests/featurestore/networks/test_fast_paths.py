"""The switch of the fast paths: the same vectors with and without, and off outside the tested versions."""

import logging
from importlib.metadata import version

import numpy as np
import pytest

from featurestore import encoders
from featurestore.networks import fast_paths
from featurestore.spec import EncoderSpec
from tests.support import tiny

FAMILIES = ["wav2vec2-group", "wav2vec2-layer", "hubert", "wavlm", "whisper", "deberta-v2", "bert"]


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    return tiny.items(tiny.utterances(4, root), root)


@pytest.fixture
def checkpoint(tmp_path):
    return lambda family: str(tiny.checkpoint(family, tmp_path / family, ("angry", "sad")))


def encode(checkpoint, items):
    identity = encoders.identify(EncoderSpec("", checkpoint))
    encoder = encoders.load(identity, "cpu")
    encoder.budget = 10**9 if encoder.maskable else 0  # as on a GPU
    loaded = [encoder.load(item) for item in items]
    return identity.fingerprint(), encoder, encoders.encode(encoder, loaded, frozenset(identity.kinds))


@pytest.mark.parametrize("family", FAMILIES)
def test_vectors_are_the_same_with_and_without_fast_paths(family, checkpoint, items, monkeypatch):
    path = checkpoint(family)
    fast, fast_encoder, expected = encode(path, items)
    monkeypatch.setenv(fast_paths.VARIABLE, "0")
    plain, plain_encoder, found = encode(path, items)
    assert fast == plain
    for row, wanted in zip(found, expected, strict=True):
        assert row.keys() == wanted.keys()
        for kind, values in wanted.items():
            np.testing.assert_allclose(row[kind], values, rtol=1e-4, atol=1e-5, err_msg=kind)
    replaced = count_replacements(fast_encoder) > count_replacements(plain_encoder)
    assert replaced == (family not in ("whisper", "bert"))


def count_replacements(encoder):
    """Count the functions that stand in a network's modules instead of their classes."""
    replacements = ("forward", "disentangled_attention_bias")
    return sum(name in vars(module) for module in encoder.model.modules() for name in replacements)


@pytest.mark.parametrize("family", ["wav2vec2-group", "wavlm"])
def test_without_fast_paths_clips_are_encoded_one_at_a_time(family, checkpoint, items, monkeypatch):
    assert encode(checkpoint(family), items)[1].maskable
    monkeypatch.setenv(fast_paths.VARIABLE, "0")
    assert not encode(checkpoint(family), items)[1].maskable


@pytest.mark.parametrize(
    ("installed", "tested"),
    [
        ("5.0.0", True),
        (version("transformers"), True),
        (".".join(map(str, fast_paths.TESTED[1])), True),
        ("4.57.6", False),
        ("5.0.0rc1", True),
        (f"5.{fast_paths.TESTED[1][1] + 1}.0", False),
        ("6.0.0.dev0", False),
    ],
)
def test_fast_paths_are_on_for_the_tested_versions_only(installed, tested, monkeypatch):
    monkeypatch.setattr(fast_paths, "version", lambda name: installed)
    assert fast_paths.is_enabled() == tested


@pytest.mark.parametrize("value", ["1", "", None])
def test_only_zero_turns_fast_paths_off(value, monkeypatch):
    monkeypatch.delenv(fast_paths.VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(fast_paths.VARIABLE, value)
    assert fast_paths.is_enabled()


def test_an_untested_version_is_reported_once(checkpoint, items, monkeypatch, caplog):
    fast_paths.report_untested.cache_clear()
    path = checkpoint("bert")
    with caplog.at_level(logging.WARNING):
        encoders.identify(EncoderSpec("", path))
        assert caplog.messages == []
        fast_paths.report_untested.cache_clear()
        monkeypatch.setattr(fast_paths, "version", lambda name: "9.1.0")
        for _ in range(2):
            encoders.identify(EncoderSpec("", path))
    fast_paths.report_untested.cache_clear()
    assert caplog.messages == [
        "transformers 9.1.0 is outside the tested range 5.0 to 5.24: encoding runs without fast paths, slower, with "
        "the same vectors"
    ]


def test_a_hand_made_encoder_reports_nothing(monkeypatch, caplog):
    fast_paths.report_untested.cache_clear()
    monkeypatch.setattr(fast_paths, "version", lambda name: "9.1.0")
    encoders.identify(EncoderSpec("", "egemaps"))
    fast_paths.report_untested.cache_clear()
    assert caplog.messages == []

"""Test which kinds an encoder can add to a feature file, as its description tells."""

from importlib.metadata import PackageNotFoundError

import pytest

from featurestore import encoders
from featurestore.encoders import list_optional_kinds


@pytest.mark.parametrize("name", encoders.list_handmade())
def test_hand_made_encoders_add_frames(name):
    assert list_optional_kinds({"class": name}) == ("frames",)


def test_networks_add_frames_and_layers_and_are_not_looked_for():
    assert list_optional_kinds({"class": "hf-audio", "checkpoint": "nobody/nowhere"}) == ("frames", "layers")


def test_an_encoder_that_is_not_installed_adds_nothing(monkeypatch):
    def fail(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr("featurestore.encoders._librosa.version", fail)
    assert list_optional_kinds({"class": "mfcc"}) == ()
    assert list_optional_kinds({"class": "no-such-plug-in"}) == ()

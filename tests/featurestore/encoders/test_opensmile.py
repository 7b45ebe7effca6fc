"""Test the low-level descriptors of openSMILE's sets, which are the frames of their functionals."""

import numpy as np
import opensmile
import pytest

from featurestore import encoders
from featurestore.errors import Unencodable
from featurestore.spec import EncoderSpec

# A functional that is the mean of a descriptor over all frames, and over a few at the end that descriptors leave out.
MEANS = {
    "egemaps": ("eGeMAPSv02", "loudness_sma3_amean", "Loudness_sma3"),
    "compare": ("ComParE_2016", "pcm_zcr_sma_amean", "pcm_zcr_sma"),
}


@pytest.mark.parametrize("name", MEANS)
def test_frames_are_the_descriptors_that_the_functionals_summarize(encode, name, voice):
    feature_set, functional, descriptor = MEANS[name]
    functionals, descriptors = (
        opensmile.Smile(opensmile.FeatureSet[feature_set], level).feature_names
        for level in (opensmile.FeatureLevel.Functionals, opensmile.FeatureLevel.LowLevelDescriptors)
    )
    (row,) = encode(name, np.tile(voice, 4))
    mean = row["frames"][:, descriptors.index(descriptor)].astype(np.float64).mean()
    assert row["functionals"][functionals.index(functional)] == pytest.approx(mean, rel=0.01)


@pytest.mark.parametrize("name", MEANS)
def test_frames_are_computed_only_if_they_are_asked_for(name, voice):
    encoder = encoders.load(encoders.identify(EncoderSpec("", name)), "cpu")
    assert set(encoder.encode([voice], frozenset({"functionals"}))[0]) == {"functionals"}


@pytest.mark.parametrize("name", MEANS)
def test_a_clip_too_short_for_descriptors_is_refused(encode, name, voice):
    with pytest.raises(Unencodable, match="too short or too quiet: openSMILE gives"):
        encode(name, voice[:500])

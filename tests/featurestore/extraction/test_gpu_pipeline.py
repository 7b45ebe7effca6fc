"""The way of an extraction on a GPU, with a network on the CPU in its place: the same vectors, whatever the memory."""

import numpy as np
import pytest
import torch

from featurestore import encoders
from featurestore.extraction import batch_encoder, worker
from featurestore.extraction.extract import extract_encoder
from featurestore.spec import EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from tests.support import tiny

BUDGETS = {"audio": 10 * 16_000, "text": 60}


@pytest.fixture
def gpu(monkeypatch):
    """Let workers load a CPU's encoder as a GPU's, which encodes at most `memory` of padded size at once."""
    loaded = {"passes": [], "memory": float("inf")}

    def load(identity, device):
        assert device == "cuda"
        encoder = loaded.setdefault("encoder", encoders.load(identity, "cpu"))
        encoder.budget = encoder.budget if loaded["passes"] else BUDGETS[identity.modality]
        encode = type(encoder).encode

        def limited(batch, kinds):
            padded = len(batch) * max(encoder.size(one) for one in batch)
            if padded > loaded["memory"]:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            loaded["passes"].append(len(batch))
            return encode(encoder, batch, kinds)

        monkeypatch.setattr(encoder, "encode", limited, raising=False)
        return encoder

    monkeypatch.setattr(worker, "_load", load)
    monkeypatch.setattr(batch_encoder, "release_memory", lambda device: None)
    return loaded


@pytest.mark.parametrize("memory", [1.0, 0.4])
@pytest.mark.parametrize("modality", ["audio", "text"])
def test_vectors_are_those_of_the_cpu(modality, memory, store, models, gpu, tmp_path):
    options = {"optional": ["frames", "layers"], "jobs": 1}
    other = tiny.store(tmp_path / "other", list(store.utterances), store.root)
    gpu["memory"] = BUDGETS[modality] * memory
    result = extract_encoder(store, EncoderSpec("", models[modality]), device="cuda", **options)
    assert (result.encoded, result.failed) == (9, {})
    assert max(gpu["passes"]) > 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "_load", lambda identity, device: encoders.load(identity, device))
        extract_encoder(other, EncoderSpec("", models[modality]), device="cpu", **options)
    ours, expected = (FeatureFile(each.path / f"{modality}.h5") for each in (store, other))
    assert ours.ids == expected.ids
    for kind in set(ours.kinds) - {"frames", "layers"}:
        np.testing.assert_allclose(ours[kind], expected[kind], rtol=1e-4, atol=1e-5)
    for row in range(9):
        np.testing.assert_allclose(ours.frames(row), expected.frames(row), rtol=1e-4, atol=1e-5)


def test_an_utterance_that_does_not_fit_is_tried_again_by_the_next_run(store, models, gpu):
    longest = max(store.utterances, key=lambda row: row.duration)
    gpu["memory"] = round(longest.duration * 16_000) - 1
    result = extract_encoder(store, EncoderSpec("", models["audio"]), device="cuda", jobs=1)
    assert list(result.failed) == [longest.id]
    assert result.failed[longest.id].startswith("alone too long for the free memory of cuda; use --device cpu")
    gpu["memory"] = float("inf")
    again = extract_encoder(store, EncoderSpec("", models["audio"]), device="cuda", jobs=1)
    assert (again.encoded, again.reused, again.failed) == (1, 8, {})

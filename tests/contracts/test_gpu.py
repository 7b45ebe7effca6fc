"""On a GPU: the same vectors as on a CPU, batches that change nothing, extraction and fine-tuning from end to end."""

import dataclasses

import numpy as np
import pytest
import torch

from featurestore import encoders
from featurestore.extraction.extract import extract_encoder
from featurestore.finetuning.finetune import finetune
from featurestore.spec import EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.featurestore.finetuning.texts import SETTINGS, arguments
from tests.support import tiny

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")

CLASSES = ("angry", "neutral", "sad")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("gpu")


@pytest.fixture(scope="module")
def items(folder):
    return tiny.mixed_items(folder)


def assert_close(row, reference):
    """Compare vectors, each to within 1e-4 of its length."""
    for kind, value in reference.items():
        assert np.linalg.norm(row[kind] - value) <= 1e-4 * np.linalg.norm(value) + 1e-6, kind


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_vectors_are_those_of_the_cpu_whatever_the_batch(family, folder, items):
    identity = encoders.identify(EncoderSpec("", str(tiny.checkpoint(family, folder / family, CLASSES))))
    plain, fast = (encoders.load(identity, device) for device in ("cpu", "cuda"))
    loaded = [plain.load(item) for item in items]
    references = [plain.encode([one], frozenset(identity.kinds))[0] for one in loaded]
    alone = [fast.encode([one], frozenset(identity.kinds))[0] for one in loaded]
    together = fast.encode(loaded, frozenset(identity.kinds)) if fast.budget else alone
    for reference, single, batched in zip(references, alone, together, strict=True):
        assert_close(single, reference)
        assert_close(batched, reference)


@pytest.mark.parametrize("family", ["wav2vec2-group", "deberta-v2"])
def test_an_extraction_on_the_gpu_fills_the_store_with_the_vectors_of_the_cpu(family, tmp_path):
    rows = tiny.utterances(12, tmp_path / "clips")
    checkpoint = str(tiny.checkpoint(family, tmp_path / family, CLASSES))
    files = {}
    for device in ("cpu", "cuda"):
        store = tiny.store(tmp_path / device, rows, tmp_path / "clips")
        done = extract_encoder(Store(store.path), EncoderSpec("e", checkpoint), jobs=1, device=device)
        assert (done.encoded, done.failed) == (12, {})
        files[device] = FeatureFile(done.path)
    assert files["cpu"].ids == files["cuda"].ids
    for name in ("mean", "logits"):
        np.testing.assert_allclose(files["cuda"][name], files["cpu"][name], rtol=1e-3, atol=1e-4)


def test_fine_tuning_on_the_gpu_learns_and_is_up_to_date_afterwards(tmp_path):
    tiny.checkpoint("bert", tmp_path / "start")
    given = arguments(tmp_path, settings=dataclasses.replace(SETTINGS, epochs=2))
    result = finetune(**given)
    history = result.record["history"]
    assert [line["epoch"] for line in history] == [1, 2]
    assert history[-1]["loss"] < history[0]["loss"]
    assert not finetune(**given).fresh

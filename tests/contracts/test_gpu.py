"""On a GPU: the same vectors as on a CPU, batches that change nothing, half precision, extraction, fine-tuning, heads.

`pytest -m gpu` runs these tests alone.
"""

import dataclasses
import json

import numpy as np
import pytest
import torch

from benchmarks.fitting.fit import fit_head
from featurestore import encoders, registry
from featurestore.extraction.batch_encoder import BatchEncoder
from featurestore.extraction.extract import extract_encoder
from featurestore.extraction.partition import Work
from featurestore.finetuning.finetune import finetune
from featurestore.head_inputs import give
from featurestore.item import Item
from featurestore.networks.forward import to_device, to_host
from featurestore.networks.pooling import mark_true_frames, pool
from featurestore.networks.precision import BOUNDS, measure_difference
from featurestore.prediction.bundle import load
from featurestore.prediction.save_bundle import save
from featurestore.spec import EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.featurestore.finetuning.texts import SETTINGS, arguments
from tests.support import tiny
from tests.support.fake_store import FakeStore, conversations, read_rows
from tests.support.quick_heads import quick_params

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use"),
]

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


def encode(identity, items):
    """Encode items on the GPU, in one batch where the encoder makes batches."""
    encoder = encoders.load(identity, "cuda")
    return encoder, encoders.encode(encoder, [encoder.load(item) for item in items], frozenset(identity.kinds))


@pytest.mark.parametrize("window", ["30s", "clip"])
def test_windows_and_the_frames_of_the_classifier_are_those_of_the_cpu(window, folder, items):
    checkpoint = tiny.checkpoint("whisper", folder / f"tuned-{window}", CLASSES)
    record = {"settings": {"window": window}, "classifier_pooling": "true frames"}
    (checkpoint / "finetune.json").write_text(json.dumps(record), "utf-8")
    identity = encoders.identify(EncoderSpec("", str(checkpoint)))
    plain, fast = (encoders.load(identity, device) for device in ("cpu", "cuda"))
    loaded = [plain.load(item) for item in items]
    kinds = frozenset(identity.kinds)
    assert fast.budget >= 16 * fast.size(loaded[0])
    for found, reference in zip(fast.encode(loaded, kinds), plain.encode(loaded, kinds), strict=True):
        assert_close(found, reference)


@pytest.mark.parametrize("precision", BOUNDS)
@pytest.mark.parametrize("family", ["wav2vec2-group", "wavlm", "whisper", "deberta-v2", "bert"])
def test_half_precision_is_within_its_bound(family, precision, folder, items):
    """The bound is checked on a probe when the encoder is loaded. Other clips may exceed it, but not by much."""
    spec = EncoderSpec("", str(tiny.checkpoint(family, folder / f"{family}-half")), precision=precision)
    encoder, half = encode(encoders.identify(spec), items)
    _, full = encode(encoders.identify(dataclasses.replace(spec, precision="float32")), items)
    assert encoder.notes
    assert 0 < measure_difference(half, full)[1] <= 2 * BOUNDS[precision]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_frames_are_pooled_as_on_the_cpu(dtype):
    states = torch.randn(4, 300, 64, generator=torch.Generator().manual_seed(0)).to(dtype)
    true = mark_true_frames([300, 1, 17, 299], 300)
    states[1, 1:] = torch.nan
    there = to_host(dict(zip(("mean", "std"), pool(states.cuda(), true), strict=True)))
    here = dict(zip(("mean", "std"), pool(states, true), strict=True))
    for kind, values in here.items():
        np.testing.assert_allclose(there[kind], values.numpy(), rtol=1e-6, atol=1e-9)


def test_inputs_reach_the_gpu_whole_while_it_is_busy():
    """The pinned copy of each input is released before the GPU has read it."""
    busy = torch.randn(4096, 4096, device="cuda")
    arrays = [np.full((1000, 500), number, np.float32) for number in range(40)]
    for _ in range(8):
        busy @ busy
    copies = [to_device(array, "cuda") for array in arrays]
    back = to_host({str(number): copy for number, copy in enumerate(copies)})
    for number, array in enumerate(arrays):
        np.testing.assert_array_equal(back[str(number)], array)


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


@pytest.mark.parametrize("precision", ["float32", "bf16", "fp16"])
def test_fine_tuning_on_the_gpu_learns_and_is_up_to_date_afterwards(precision, tmp_path):
    tiny.checkpoint("bert", tmp_path / "start")
    given = arguments(tmp_path, settings=dataclasses.replace(SETTINGS, epochs=2, precision=precision))
    result = finetune(**given)
    history = result.record["history"]
    assert [line["epoch"] for line in history] == [1, 2]
    assert history[-1]["loss"] < history[0]["loss"]
    assert not finetune(**given).fresh


def list_networks():
    """List the heads that train a network in epochs."""
    return [head for head in registry.names("heads") if "validation_fraction" in quick_params(head)]


@pytest.mark.parametrize("head", list_networks())
def test_a_head_that_trains_on_the_gpu_answers_on_the_cpu(head, tmp_path):
    params = quick_params(head, device="cuda")
    bundle = fit_head(FakeStore(conversations()), head=head, params=params).bundle
    assert not next(bundle.head.network_.parameters()).is_cuda
    save(bundle, tmp_path / "bundle")
    X = give(bundle.head, read_rows(bundle.features))
    assert np.array_equal(load(tmp_path / "bundle").head.predict_proba(X), bundle.head.predict_proba(X))


def test_a_lack_of_memory_costs_no_utterance(folder):
    """64 MB hold a few clips of 10 s, and the batch is of 60 clips: the first convolution of one takes 1 MB, thrice."""
    clips = [tiny.clip(folder / f"long{index}.wav", 10.0, index) for index in range(60)]
    identity = encoders.identify(EncoderSpec("", str(tiny.checkpoint("wav2vec2-group", folder / "crowded", CLASSES))))
    encoder = encoders.load(identity, "cuda")
    work = [Work(Item(f"u{index}", clip, ""), f"{index:064x}", 1.0, 10.0) for index, clip in enumerate(clips)]
    loaded = [encoder.load(one.item) for one in work]
    expected = [encoder.encode([one], frozenset(["mean"]))[0] for one in loaded]
    encoder.budget = 10**9
    batches = BatchEncoder(encoder, frozenset(["mean"]), "cuda", work)
    torch.cuda.empty_cache()
    used, whole = torch.cuda.memory_reserved(), torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((used + 64e6) / whole)
    try:
        batches.run(enumerate(loaded))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert batches.failures == []
    assert encoder.budget < 60 * 160_000
    for position, reference in enumerate(expected):
        assert_close(batches.vectors[position], reference)

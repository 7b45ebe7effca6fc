"""What every encoder must do: every family of checkpoint, and every hand-made encoder of the package.

A checkpoint of each family is saved by transformers itself. A module added to `featurestore/encoders` that needs no
checkpoint is tested here, and in `test_encoders_in_store.py`, because it exists.
"""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch

from featurestore import encoders, registry
from featurestore.errors import Unencodable
from featurestore.item import Item
from featurestore.spec import EncoderSpec
from featurestore.storage import schema
from tests.support import tiny

CLASSES = ("angry", "neutral", "sad")
NETWORKS = [(family, classes) for family in tiny.FAMILIES for classes in ((), CLASSES)]
HANDMADE = [(name, ()) for name in encoders.list_handmade()]


def modality(name):
    if name in tiny.FAMILIES:
        return "text" if name in tiny.TEXT else "audio"
    return encoders.identify(EncoderSpec("", name)).modality


ENCODERS = [*NETWORKS, *HANDMADE]
OF_AUDIO = [one for one in ENCODERS if modality(one[0]) == "audio"]
OF_TEXT = [one for one in ENCODERS if modality(one[0]) == "text"]
LOOSE = {"rtol": 1e-4, "atol": 1e-5}
# axes of each kind, by the layout of feature files
AXES = {kind: shape.partition(")")[0].count(",") for kind, shape in schema.ROWS.items()} | {"frames": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def items(folder):
    return tiny.mixed_items(folder)


@pytest.fixture(scope="module", params=ENCODERS, ids=str)
def identity(request, folder):
    name, classes = request.param
    if name not in tiny.FAMILIES:
        return encoders.identify(EncoderSpec("", name))
    return encoders.identify(EncoderSpec("", str(tiny.checkpoint(name, folder / f"{name}-{len(classes)}", classes))))


@pytest.fixture(scope="module")
def encoder(identity):
    return encoders.load(identity, "cpu")


def encode(encoder, items, kinds):
    return encoder.encode([encoder.load(item) for item in items], frozenset(kinds))


def test_it_gives_the_kinds_that_it_promises(identity, encoder, items):
    encoded = encode(encoder, items[:2], identity.kinds)
    assert all(set(row) == set(identity.kinds) for row in encoded)
    assert all(np.isfinite(value).all() and value.dtype == np.float32 for row in encoded for value in row.values())


def test_every_kind_has_the_shape_of_the_schema(identity, encoder, items):
    assert set(identity.kinds) <= set(AXES)
    rows = encode(encoder, items, identity.kinds)
    for kind in identity.kinds:
        shapes = {row[kind].shape if kind != "frames" else row[kind].shape[1:] for row in rows}
        assert len(shapes) == 1, f"{kind} has {shapes}"
        assert all(row[kind].ndim == AXES[kind] and row[kind].size for row in rows)


@pytest.mark.parametrize("identity", NETWORKS, ids=str, indirect=True)
def test_pooled_kinds_are_as_wide_as_frames(identity, encoder, items):
    row = encode(encoder, items[:1], identity.kinds)[0]
    frames, dimensions = row["frames"].shape
    assert row["mean"].shape == row["std"].shape == (dimensions,)
    assert row["layers"].shape == (3, dimensions)  # the projected input and two layers
    if identity.classes:
        assert row["logits"].shape == (len(identity.classes),)
        assert identity.classes == CLASSES
    if identity.description["rate"]:
        assert frames == pytest.approx(0.8 * identity.description["rate"], abs=2)


def test_pooled_vectors_are_those_of_the_frames(identity, encoder, items):
    row = encode(encoder, items[:1], identity.kinds)[0]
    frames = row.get("frames", np.empty((0, 0))).astype(np.float64)
    for kind, pool in (("mean", np.mean), ("std", np.std)):
        if "frames" in row and kind in row:
            np.testing.assert_allclose(row[kind], pool(frames, axis=0), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 2, 0, 3, 1)], ids=["in-order", "shuffled"])
def test_a_vector_does_not_depend_on_its_batch_neighbours(identity, encoder, items, order):
    together = encode(encoder, [items[index] for index in order], identity.kinds)
    for index, row in zip(order, together, strict=True):
        alone = encode(encoder, [items[index]], identity.kinds)[0]
        for kind, value in alone.items():
            np.testing.assert_allclose(row[kind], value, **LOOSE, err_msg=f"{items[index].id} {kind}")


def test_the_same_batch_gives_the_same_bytes(identity, encoder, items):
    first, second = (encode(encoder, items, identity.kinds) for _ in range(2))
    assert all(a[kind].tobytes() == b[kind].tobytes() for a, b in zip(first, second, strict=True) for kind in a)


def test_two_encoders_in_one_process_give_the_same_bytes(identity, encoder, items):
    other = encoders.load(identity, "cpu")
    pairs = zip(encode(encoder, items, identity.kinds), encode(other, items, identity.kinds), strict=True)
    assert all(a[kind].tobytes() == b[kind].tobytes() for a, b in pairs for kind in a)


def test_sizes_and_budget_are_counts(identity, encoder, items):
    assert encoder.budget >= 0
    sizes = [encoder.size(encoder.load(item)) for item in items]
    assert all(isinstance(size, int) and size > 0 for size in sizes)
    one_window = len(set(sizes)) == 1  # of Whisper, whatever the clip
    assert one_window or sizes[2] > sizes[1]  # the longest clip and text against the shortest


def test_the_identity_is_stable_and_describes_the_encoder(identity):
    name = str(identity.checkpoint.folder) if identity.checkpoint else identity.description["class"]
    again = encoders.identify(EncoderSpec("other", name))
    assert again.fingerprint() == identity.fingerprint()
    assert (again.name, again.kinds, again.modality) == ("other", identity.kinds, identity.modality)
    description = identity.description
    assert json.loads(json.dumps(description)) == description
    assert {"class", "checkpoint", "revision", "dtype", "pooling", "rate", "preprocessing"} <= set(description)
    assert description["class"] in registry.names("encoders")
    assert identity.modality in ("audio", "text")
    if identity.checkpoint is None:
        assert identity.name == description["class"]
        assert description["version"]
        assert not identity.trained_on
        assert not identity.classes


def test_another_process_gives_hand_made_encoders_the_same_identity():
    code = (
        "import sys\nfrom featurestore import encoders\nfrom featurestore.spec import EncoderSpec\n"
        "for name in sys.argv[1:]:\n    print(encoders.identify(EncoderSpec('', name)).fingerprint())\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    names = encoders.list_handmade()
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    fingerprints = [encoders.identify(EncoderSpec("", name)).fingerprint() for name in names]
    assert done.stdout.split() == fingerprints
    assert len(set(fingerprints)) == len(names)


def test_an_utterance_without_its_input_is_refused_with_the_reason(identity, encoder):
    missing = Item("u", None, "words" if identity.modality == "audio" else " ")
    with pytest.raises(Unencodable, match="^no (audio file|transcript)$"):
        encoder.load(missing)


@pytest.mark.parametrize("identity", OF_AUDIO, ids=str, indirect=True)
@pytest.mark.parametrize("sound", ["silence", "one level", "NaN", "infinity", "empty"])
def test_unusable_clips_are_refused_with_the_reason(identity, encoder, folder, sound):
    value = {"silence": 0.0, "one level": 0.25, "NaN": np.nan, "infinity": np.inf, "empty": 0.0}[sound]
    samples = np.full(0 if sound == "empty" else 8000, value, np.float32)
    if sound in ("NaN", "infinity"):
        samples[:4000] = np.sin(np.arange(4000))
    path = folder / f"{sound}.wav"
    soundfile.write(path, samples, 16_000, subtype="FLOAT")
    with pytest.raises(Unencodable) as reason:
        encode(encoder, [Item("u", path, "words")], identity.kinds)
    assert reason.value.what


@pytest.mark.parametrize("identity", OF_AUDIO, ids=str, indirect=True)
@pytest.mark.parametrize("seconds", [1e-4, 0.001, 0.01, 0.03, 0.1, 10.0])
def test_a_clip_of_any_length_is_encoded_or_refused_with_the_reason(identity, encoder, folder, seconds):
    item = Item("u", tiny.clip(folder / f"{seconds}.wav", seconds, 1), "")
    check_finite_or_refused(identity, encoder, item)


@pytest.mark.parametrize("identity", OF_TEXT, ids=str, indirect=True)
@pytest.mark.parametrize("text", ["a", "?!", "\N{GRINNING FACE}", "日本語", "dog " * 300, "x" * 3000], ids=range(6))
def test_any_text_is_encoded_or_refused_with_the_reason(identity, encoder, text):
    check_finite_or_refused(identity, encoder, Item("u", None, text))


def check_finite_or_refused(identity, encoder, item):
    try:
        row = encoders.encode(encoder, [encoder.load(item)], frozenset(identity.kinds))[0]
    except Unencodable as error:
        reason = error.what
    else:
        reason = "none"
        assert all(np.isfinite(value).all() for value in row.values())
    assert reason


def test_every_encoder_module_has_a_summary():
    for name in registry.names("encoders"):
        assert registry.summary("encoders", name).endswith(".")


@pytest.mark.parametrize("identity", NETWORKS, ids=str, indirect=True)
def test_a_network_is_in_evaluation_mode_and_float32(encoder):
    assert not encoder.model.training
    assert {parameter.dtype for parameter in encoder.model.parameters()} == {torch.float32}


@pytest.mark.parametrize(("name", "width", "descriptors"), [("egemaps", 88, 25), ("compare", 6373, 65)])
def test_a_feature_set_of_opensmile_has_its_published_width_and_licence(name, width, descriptors, items):
    identity = encoders.identify(EncoderSpec("", name))
    assert identity.kinds == ("functionals", "frames")
    assert "research use only" in identity.description["licence"]
    (row,) = encode(encoders.load(identity, "cpu"), items[:1], identity.kinds)
    assert row["functionals"].shape == (width,)
    assert row["frames"].shape[1] == descriptors

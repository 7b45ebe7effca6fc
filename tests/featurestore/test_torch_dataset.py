import pickle

import numpy as np
import pytest
import torch

from featurestore.errors import UnknownName
from featurestore.importing.import_features import import_features
from featurestore.store import Store
from tests.featurestore.importing import files
from tests.featurestore.importing.files import IDS
from tests.support import fork_server


@pytest.fixture
def store(tmp_path):
    made = files.make_store(tmp_path)
    path, _ = files.write_npz(tmp_path, IDS, files.draw())
    import_features(path, name="audio", store=made.path)
    path, _ = files.write_npz_frames(tmp_path, IDS, files.draw_frames())
    import_features(path, name="seq", modality="audio", store=made.path)
    return Store(made.path)


def test_an_example_is_a_tensor_and_the_index_of_its_class(store):
    dataset = store.torch_dataset(["audio.mean"])
    assert isinstance(dataset, torch.utils.data.Dataset)
    assert len(dataset) == 6
    assert dataset.classes == ("ang", "neu", "sad")
    values, target = dataset[1]
    assert values.dtype == torch.float32
    np.testing.assert_array_equal(values.numpy(), files.draw()[1])
    assert dataset.classes[target] == "sad"


def test_several_features_are_a_tuple_and_frames_keep_their_lengths(store):
    dataset = store.torch_dataset(["audio.mean", "seq.frames"], labels="all", ids=["u4", "u2"])
    (vector, frames), target = dataset[0]
    np.testing.assert_array_equal(vector.numpy(), files.draw()[4])
    np.testing.assert_array_equal(frames.numpy(), files.draw_frames()[4])
    assert dataset.ids == ("u4", "u2")
    assert dataset.classes == ("neu", "sad")
    assert target == 1


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_reads_it_also_in_workers(workers, store):
    dataset = store.torch_dataset(["audio.mean"])
    context = fork_server.prepare() if workers else None
    loader = torch.utils.data.DataLoader(dataset, 4, num_workers=workers, multiprocessing_context=context)
    X, y = (torch.cat(part) for part in zip(*loader, strict=True))
    np.testing.assert_array_equal(X.numpy(), files.draw())
    assert y.tolist() == list(dataset.targets)


def test_a_copy_by_pickle_reads_the_same_and_holds_no_values(store):
    dataset = store.torch_dataset(["audio.mean"])
    dataset[0]
    data = pickle.dumps(dataset)
    assert len(data) < 2_000
    assert torch.equal(pickle.loads(data)[3][0], dataset[3][0])  # noqa: S301


def test_a_tensor_may_be_changed_without_changing_the_store(store):
    dataset = store.torch_dataset(["seq.frames"])
    dataset[0][0].zero_()
    assert dataset[0][0].abs().sum() > 0


def test_an_utterance_without_a_class_or_a_feature_is_said(store):
    with pytest.raises(UnknownName, match="1 of 1 utterances have no class: nobody"):
        store.torch_dataset(["audio.mean"], ids=["nobody"])
    with pytest.raises(UnknownName):
        store.torch_dataset(["audio.logits"])

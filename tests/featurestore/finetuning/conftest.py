"""Fixtures of the tests of fine-tuning."""

import pytest
import torch

from featurestore.finetuning import demo_models
from featurestore.finetuning.finetune import finetune
from tests.featurestore.finetuning.texts import arguments, corpus


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """On a busy machine two threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finetune")
    demo_models.write_text(folder / "start", [utterance.text for utterance in corpus()[:32]])
    return folder


@pytest.fixture(scope="module")
def fine_tuned(folder):
    lines = []
    return finetune(**arguments(folder, say=lines.append)), lines

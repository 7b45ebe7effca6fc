"""Fixtures of several folders: recognizers, which take seconds to train."""

import pytest

from tests.support import recognizers


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    pytest.importorskip("espeakng_loader")
    return recognizers.train_both(tmp_path_factory.mktemp("recognizers"))

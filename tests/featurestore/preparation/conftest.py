import pytest

from tests.support import iemocap_release as release


@pytest.fixture
def root(tmp_path):
    return release.small(tmp_path / "IEMOCAP_full_release")


@pytest.fixture
def store(tmp_path):
    return tmp_path / "features" / "iemocap"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("text,label,speaker\nHi.,glad,a\nOh.,sad,b\nHo.,glad,a\n")
    return path

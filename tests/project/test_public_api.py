"""The public API: loaded on first use, documented, the same verbs as the command line."""

import inspect
import subprocess
import sys

import pytest

import featurestore


@pytest.mark.parametrize("name", sorted(set(featurestore.__all__) - {"__version__"}))
def test_every_public_name_is_documented(name):
    public = getattr(featurestore, name)
    assert inspect.getdoc(public)
    assert name in dir(featurestore)


@pytest.mark.parametrize("name", ["export_features", "extract", "finetune", "import_features", "predict", "prepare"])
def test_a_verb_stays_a_function_whatever_is_imported_later(name):
    import featurestore.commands.extract
    import featurestore.commands.finetune
    import featurestore.exporting.export_features
    import featurestore.importing.import_features
    import featurestore.prediction.predict
    import featurestore.preparation.prepare

    assert inspect.isfunction(getattr(featurestore, name))


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert featurestore.__version__ == version("emofuse")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'featurestore' has no attribute 'nothing'"):
        _ = featurestore.nothing


def test_nothing_heavy_is_loaded_before_it_is_used():
    code = (
        "import sys, featurestore, heads, benchmarks\n"
        "heavy = {'torch', 'sklearn', 'xgboost', 'h5py', 'pandas', 'numpy', 'click'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from featurestore import Store, Utterance, extract, finetune, prepare\n"
        "assert not {'torch', 'transformers', 'sklearn'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

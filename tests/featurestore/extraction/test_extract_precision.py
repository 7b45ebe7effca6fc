"""Extract in half precision: keys, the line about what it changes, verification, the command."""

import pytest
from click.testing import CliRunner

from cli import main
from featurestore.extraction.extract import extract_encoder
from featurestore.inspection.re_encode import compare
from featurestore.inspection.verify import verify
from featurestore.spec import EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store


def run(store, checkpoint, precision, **options):
    spec = EncoderSpec("text", checkpoint, precision=precision)
    return extract_encoder(Store(store.path), spec, jobs=1, device="cpu", **options)


def test_another_precision_encodes_again_and_says_so(store, models):
    run(store, models["text"], "float32")
    lines = []
    result = run(store, models["text"], "bf16", say=lines.append)
    assert (result.encoded, result.reused) == (9, 0)
    assert "made by another encoder; extracting it again (dtype: float32 -> bfloat16 autocast)" in lines[0]
    assert [line for line in lines if "differs from float32" in line] == lines[2:]
    assert lines[2].startswith("text: bf16 differs from float32 by ")
    assert len(lines) == 3
    assert run(store, models["text"], "bf16").reused == 9
    assert FeatureFile(result.path).update_command.endswith(" --precision bf16")


def test_half_precision_is_verified_against_float32_within_its_bound(store, models, monkeypatch):
    path = run(store, models["text"], "bf16").path
    found = verify(store.path, sample=9)
    assert found.problems == []
    assert any("9 utterances encoded again, within 0.03 of float32 (largest" in line for line in found.checked)
    file, spec = FeatureFile(path), EncoderSpec("text", models["text"], precision="bf16")
    differing, largest = compare(store, file, spec, file.ids)
    assert differing == []
    assert 1e-6 < largest < 0.03
    monkeypatch.setattr("featurestore.inspection.re_encode.BOUNDS", {"bf16": largest / 2})
    differing, _ = compare(store, file, spec, file.ids)
    assert any("of its norm when encoded again" in line for line in differing)


def test_the_command_takes_a_precision(store, models):
    command = ["extract", "--store", str(store.path), "--encoder", f"text={models['text']}", "--device", "cpu"]
    done = CliRunner().invoke(main, [*command, "--jobs", "1", "--precision", "fp16"])
    assert done.exit_code == 0, done.output
    assert "text: fp16 differs from float32 by " in done.output
    assert FeatureFile(store.path / "text.h5").header.encoder["dtype"] == "float16 autocast"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--precision", "auto"], "'auto' is not one of 'float32', 'bf16', 'fp16'"),
        (["--encoder", "mfcc", "--precision", "bf16"], "encoder mfcc is no network"),
    ],
)
def test_a_wrong_precision_is_refused(store, arguments, said):
    done = CliRunner().invoke(main, ["extract", "--store", str(store.path), *arguments])
    assert done.exit_code != 0
    assert said in done.output

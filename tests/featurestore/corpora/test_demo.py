import builtins
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict

import numpy as np
import pytest
import soundfile

from featurestore.corpora import demo, iemocap
from featurestore.corpora._demo_texts import LABELS, OPEN, draw_sentence
from featurestore.corpora._demo_turns import SPEAKERS
from featurestore.errors import Mismatch, Unavailable

pytest.importorskip("espeakng_loader", reason="the extra `demo` is not installed")


def contents(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo") / "corpus"
    demo.generate(root, per_label=1)
    return root


def test_it_reads_as_iemocap_without_findings(root):
    reading = iemocap.utterances(root)
    assert Counter(utterance.label for utterance in reading.utterances) == dict.fromkeys(LABELS, 10)
    assert {utterance.speaker for utterance in reading.utterances} == {speaker.id for speaker in SPEAKERS}
    assert Counter(utterance.session for utterance in reading.utterances) == dict.fromkeys("12345", 12)
    assert {utterance.script for utterance in reading.utterances} == {"impro01", "impro02", "script01_1"}
    assert all(utterance.text and utterance.duration and utterance.votes for utterance in reading.utterances)
    assert not reading.findings


def test_dialogues_read_in_order_with_the_speakers_in_turn(tmp_path):
    demo.generate(tmp_path / "corpus", per_label=2)
    dialogues = defaultdict(list)
    for utterance in iemocap.utterances(tmp_path / "corpus").utterances:
        dialogues[utterance.dialogue].append(utterance)
    assert len(dialogues) == 30
    for turns in dialogues.values():
        assert [turn.id[-4:] for turn in turns] == ["F000", "M000", "F001", "M001"]
        assert turns[0].start > 0
        for turn, following in itertools.pairwise(turns):
            assert turn.start < turn.end < following.start < turn.end + 1
        for turn in turns:
            assert turn.end - turn.start == pytest.approx(turn.duration, abs=2e-4)


def test_the_clips_are_short_16_khz_mono_16_bit(root):
    for utterance in iemocap.utterances(root).utterances[::7]:
        samples, rate = soundfile.read(root / utterance.audio, dtype="int16")
        header = soundfile.info(root / utterance.audio)
        assert (rate, header.channels, header.subtype) == (16_000, 1, "PCM_16")
        assert 0.5 < len(samples) / rate < 5
        assert 300 < np.sqrt(np.mean(np.square(samples.astype(float)))) < 20_000


def test_the_same_seed_gives_the_same_bytes(root, tmp_path):
    demo.generate(tmp_path / "again", per_label=1)
    assert contents(tmp_path / "again") == contents(root)


def test_another_seed_replaces_the_corpus(tmp_path):
    demo.generate(tmp_path / "corpus", per_label=1)
    before = contents(tmp_path / "corpus")
    demo.generate(tmp_path / "corpus", seed=1, per_label=1)
    after = contents(tmp_path / "corpus")
    assert before.keys() == after.keys()
    assert sum(before[name] == after[name] for name in before) == 0


def test_only_a_corpus_of_another_version_is_generated_again(tmp_path, monkeypatch):
    made = []
    generate = demo.generate

    def small(root, seed, per_label):
        made.append(root)
        generate(root, seed, per_label)

    root = tmp_path / "corpus"
    monkeypatch.setattr(demo, "generate", small)
    monkeypatch.setattr(demo, "PER_LABEL", 1)
    demo.utterances(root)
    demo.utterances(root)
    assert made == [root]
    monkeypatch.setattr(demo, "VERSION", "next")
    assert len(demo.utterances(root).utterances) == 60
    assert made == [root, root]
    assert json.loads((root / "demo.json").read_text())["generator"] == "next"


def test_a_killed_generation_leaves_no_corpus(tmp_path):
    code = (
        "import sys; from pathlib import Path; from featurestore.corpora import demo; demo.generate(Path(sys.argv[1]))"
    )
    root = tmp_path / "corpus"
    process = subprocess.Popen([sys.executable, "-c", code, str(root)], start_new_session=True)
    while not list(tmp_path.rglob("Ses01M*.wav")) and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)  # the one that speaks too
    assert process.wait() == -signal.SIGKILL
    assert not root.exists()
    assert [path.name for path in tmp_path.iterdir()] == [f".corpus.{process.pid}.tmp"]
    alive = tmp_path / f".corpus.{os.getppid()}.tmp"  # of another that is at it
    alive.mkdir()
    # of a killed one that had our number, as in a container that starts again
    (tmp_path / f".corpus.{os.getpid()}.tmp" / "Session9").mkdir(parents=True)
    demo.generate(root, per_label=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [alive.name, "corpus"]
    assert len(iemocap.utterances(root).utterances) == 60
    assert not (root / "Session9").exists()


def test_a_folder_of_something_else_is_an_error_and_stays(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(Mismatch) as problem:
        demo.utterances(tmp_path)
    assert str(problem.value) == (
        f"{tmp_path} is not a demo corpus, nothing was changed\n"
        "  expected: a folder that does not exist yet, or an empty one\n"
        "  do: choose another --root for the demo corpus"
    )
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_a_missing_espeak_is_an_error_with_the_command_to_install_it(tmp_path, monkeypatch):
    def refuse(name, *rest, **named):
        if name == "espeakng_loader":
            raise ImportError("No module named 'espeakng_loader'")
        return original(name, *rest, **named)

    original = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(Unavailable) as problem:
        demo.utterances(tmp_path / "corpus")
    assert str(problem.value) == (
        "the demo corpus needs eSpeak NG, which is not installed: No module named 'espeakng_loader'\n"
        "  do: pip install 'emofuse[demo]'"
    )


def test_a_failing_synthesizer_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(demo.sys, "executable", "/bin/false")
    with pytest.raises(Unavailable, match=r"^the demo corpus could not be generated\n  got: a crash$"):
        demo.utterances(tmp_path / "corpus")


def test_about_half_of_the_sentences_fit_any_emotion():
    random = np.random.default_rng(0)
    opening = {template.split("{")[0].strip() for template in OPEN if not template.startswith("{")}
    drawn = {label: [draw_sentence(label, random) for _ in range(2000)] for label in LABELS}
    for label, texts in drawn.items():
        open_texts = [text for text in texts if any(text.startswith(words) for words in opening)]
        assert 0.3 < len(open_texts) / len(texts) < 0.55, label
        assert len(set(texts)) > 800, label
        assert all(text[0].isupper() and text.endswith(".") for text in texts)


def test_the_default_root_is_in_the_store(tmp_path):
    assert demo.default_root(tmp_path) == tmp_path / "corpus"
    assert "synthetic speech" in demo.CARD.note

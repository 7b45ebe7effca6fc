"""The dev part chooses the epoch, and the test part is scored once."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers as hf
from sklearn.metrics import confusion_matrix, recall_score

from featurestore.encoders import identify
from featurestore.errors import BadValue, Mismatch
from featurestore.finetuning.by_fold import finetune_folds
from featurestore.finetuning.dev_part import cut_dev
from featurestore.finetuning.options.settings import Settings
from featurestore.finetuning.settings_check import check_settings
from featurestore.finetuning.training import history, training_run
from featurestore.finetuning.training.training_reporter import TrainingReporter
from featurestore.folds.fold import Fold
from featurestore.spec import EncoderSpec
from tests.featurestore.finetuning.texts import assert_same_weights, weights
from tests.featurestore.finetuning.tuning import DEV, ROWS, TEST, TRAIN, tune, write_start
from tests.support import tiny


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return write_start(tmp_path_factory.mktemp("dev") / "start")


@pytest.fixture(scope="module")
def tuned(start):
    return tune(start, start.parent / "tuned", {"epochs": 4})


def entry(epoch, recall, loss):
    return {"epoch": epoch, "unweighted_average_recall": recall, "held_out_loss": loss}


@pytest.mark.parametrize(
    ("scores", "epoch"),
    [
        ([(0.5, 1.0), (0.9, 0.5), (0.8, 0.1)], 2),
        ([(0.9, 0.5), (0.9, 0.4), (0.9, 0.6)], 2),
        ([(0.9, 0.4), (0.9, 0.4), (0.1, 0.1)], 1),
        ([(0.9, float("nan")), (0.9, 9.0)], 2),
    ],
)
def test_the_best_epoch_has_the_highest_recall_then_the_lower_loss_then_comes_first(scores, epoch):
    entries = [entry(number, *found) for number, found in enumerate(scores, 1)]
    assert history.choose_epoch(entries, "best-dev") == epoch
    assert history.choose_epoch(entries, "last") == len(entries)


def test_patience_counts_the_epochs_since_the_best():
    entries = [entry(1, 0.5, 1.0), entry(2, 0.6, 1.0), entry(3, 0.6, 1.0), entry(4, 0.5, 0.1)]
    assert [history.is_stopped(entries[:count], 2) for count in range(5)] == [False, False, False, False, True]
    assert not history.is_stopped(entries, 0)


def watch(monkeypatch, recalls):
    """Make up the recall on dev of every epoch, and keep the weights after it."""
    real, seen, left = TrainingReporter.on_evaluate, [], iter(recalls)
    scored = training_run.score

    def score(prediction):
        if len(prediction.label_ids) != len(DEV):
            return scored(prediction)
        return {"accuracy": 0.5, "unweighted_average_recall": next(left)}

    def on_evaluate(self, args, state, control, **rest):
        seen.append({name: value.detach().clone() for name, value in self.kept.model.state_dict().items()})
        real(self, args, state, control, **rest)

    monkeypatch.setattr(training_run, "score", score)
    monkeypatch.setattr(TrainingReporter, "on_evaluate", on_evaluate)
    return seen


@pytest.mark.parametrize(
    ("of", "recalls", "kept", "done"),
    [
        ({"epochs": 4}, (0.5, 0.9, 0.7, 0.8), 2, 4),
        ({"epochs": 4, "select": "last"}, (0.5, 0.9, 0.7, 0.8), 4, 4),
        ({"epochs": 9, "patience": 2}, (0.5, 0.9, 0.7, 0.8), 2, 4),
        ({"epochs": 9, "patience": 2, "select": "last"}, (0.5, 0.9, 0.7, 0.8), 4, 4),
    ],
)
def test_the_weights_of_the_chosen_epoch_are_kept(of, recalls, kept, done, start, tmp_path, monkeypatch):
    seen = watch(monkeypatch, recalls)
    result, lines = tune(start, tmp_path / "tuned", of)
    assert len(result.record["history"]) == done
    assert result.record["selection"]["epoch"] == kept
    saved = weights(result.folder)
    assert all(torch.equal(saved[name], seen[kept - 1][name]) for name in saved)
    assert ("epoch 2 is kept, the best on dev: " in "\n".join(lines)) == ("select" not in of)
    stopped = "stopped after epoch 4 of 9: 2 epochs without a better score on dev"
    assert (stopped in lines) == ("patience" in of)


def test_test_is_scored_once_with_the_weights_that_are_kept(tuned):
    """Against the saved checkpoint, read by transformers alone."""
    result, lines = tuned
    model = hf.AutoModelForSequenceClassification.from_pretrained(result.folder, dtype=torch.float32).eval()
    tokenizer = hf.AutoTokenizer.from_pretrained(result.folder)
    rows = [row for row in ROWS if row.id in TEST]
    truth = np.array([["hap", "sad"].index(row.label) for row in rows])
    with torch.inference_mode():
        logits = torch.cat([model(**tokenizer([row.text], return_tensors="pt")).logits for row in rows])
    guessed = logits.argmax(-1).numpy()
    assert result.record["test"] == {
        "n": 9,
        "loss": pytest.approx(float(torch.nn.functional.cross_entropy(logits, torch.tensor(truth))), abs=1e-5),
        "accuracy": pytest.approx(np.mean(guessed == truth)),
        "unweighted_average_recall": pytest.approx(recall_score(truth, guessed, average="macro")),
        "confusion": confusion_matrix(truth, guessed, labels=[0, 1]).tolist(),
    }
    assert sum(line.startswith("test ") for line in lines) == 1
    assert lines[-1].startswith("test part, scored once: accuracy ")
    assert lines[-1].endswith("(n = 9)")


def test_the_record_says_what_chose_and_when_each_part_was_looked_at(tuned):
    result, lines = tuned
    record = json.loads((result.folder / "finetune.json").read_text("utf-8"))
    best = max(record["history"], key=lambda one: (one["unweighted_average_recall"], -one["held_out_loss"]))
    assert record["selection"] == {
        "select": "best-dev",
        "epoch": best["epoch"],
        "by": "the highest unweighted average recall on dev, then the lower dev loss, then the earlier epoch",
        "dev": {"count": 6, "from": "protocol"},
        "looked_at": {
            "dev": "scored after every epoch; it chose the epoch",
            "test": "scored once, with the weights that are kept",
        },
    }
    assert (record["dev"]["count"], record["held_out"]["count"]) == (6, 9)
    assert [sum(map(sum, one["confusion"])) for one in record["history"]] == [6] * 4
    assert lines[0].endswith("start: 15 to train on, 6 dev (protocol), 9 held out")
    assert ", dev: accuracy " in lines[1]
    assert lines[1].endswith(" s")
    summary = result.summary()
    assert f"  kept: epoch {best['epoch']}, the highest unweighted average recall on dev" in summary
    assert "(dev: n = 6, protocol)\n  test, scored once: loss " in summary


def test_features_of_the_checkpoint_say_which_epoch_was_kept_and_a_key_does_not_depend_on_it(tuned, tmp_path):
    folder = shutil.copytree(tuned[0].folder, tmp_path / "copy")
    identity = identify(EncoderSpec("text", str(folder)))
    epoch = tuned[0].record["selection"]["epoch"]
    assert identity.description["kept_epoch"] == (
        f"{epoch}, the highest unweighted average recall on dev, then the lower dev loss, then the earlier epoch "
        "(dev: scored after every epoch; it chose the epoch; test: scored once, with the weights that are kept)"
    )
    older = {key: value for key, value in tuned[0].record.items() if key != "selection"}
    (folder / "finetune.json").write_text(json.dumps(older), "utf-8")
    before = identify(EncoderSpec("text", str(folder)))
    assert "kept_epoch" not in before.description
    assert before.fingerprint() == identity.fingerprint()


@pytest.mark.parametrize(
    ("of", "seen"),
    [({}, True), ({"select": "last"}, False), ({"select": "last", "patience": 5}, True)],
)
def test_dev_utterances_count_as_seen_where_they_choose(of, seen, start, tmp_path):
    record = tune(start, tmp_path / "tuned", {"epochs": 1, **of})[0].record
    assert record["trained_on"] == sorted(TRAIN + DEV if seen else TRAIN)


def test_a_record_of_an_older_version_is_up_to_date_and_readable(start, tmp_path):
    of = {"dev": 0.0, "select": "last", "epochs": 1, "test_every_epoch": True}
    result, _ = tune(start, tmp_path / "tuned", of)
    path = result.folder / "finetune.json"
    new = ("selection", "test", "used")
    path.write_text(json.dumps({key: value for key, value in result.record.items() if key not in new}), "utf-8")
    again, lines = tune(start, tmp_path / "tuned", of)
    assert lines == [f"{tmp_path / 'tuned'}: up to date"]
    assert again.summary().splitlines()[1].startswith("  epoch 1: loss ")
    with pytest.raises(
        Mismatch, match=r"without a dev part: --dev 0 --select last --precision float32 --micro-batch 8"
    ):
        tune(start, tmp_path / "tuned")


FOLD = Fold("f", tuple(f"u{number}" for number in range(20)), ("t1", "t2"))
CLASSES = {one: "ab"[int(one[1:]) % 2] for one in (*FOLD.train, *FOLD.test)}


def speakers(count):
    rows = [replace(ROWS[0], id=one, speaker=f"s{number // 2 % count}") for number, one in enumerate(FOLD.train)]
    return rows + [replace(ROWS[0], id=one, speaker="t") for one in FOLD.test]


@pytest.mark.parametrize(("share", "size"), [(0.1, 2), (0.2, 4), (0.5, 10)])
def test_dev_is_cut_from_training_by_the_groups_of_the_protocol(share, size):
    rows = speakers(10)
    split = cut_dev(FOLD, "leave-one-speaker-out", rows, CLASSES, Settings(dev=share))
    speaker = {row.id: row.speaker for row in rows}
    assert len(split.dev) == size
    assert not {speaker[one] for one in split.dev} & {speaker[one] for one in split.train}
    assert sorted(split.train + split.dev) == sorted(FOLD.train)
    assert split.dev_from == "cut by speaker"
    assert split == cut_dev(FOLD, "leave-one-speaker-out", rows, CLASSES, Settings(dev=share))
    assert cut_dev(FOLD, "holdout", rows, CLASSES, Settings(dev=share)).dev_from == "cut by utterance"


def test_a_dev_part_of_the_protocol_is_taken_as_it_is_and_0_is_none():
    fold = replace(FOLD, train=FOLD.train[:15], dev=FOLD.train[15:])
    split = cut_dev(fold, "official", speakers(10), CLASSES, Settings())
    assert (split.train, split.dev, split.dev_from) == (fold.train, fold.dev, "protocol")
    assert cut_dev(fold, "official", speakers(10), CLASSES, Settings(dev=0.0, select="last")).dev == ()


def test_training_that_cannot_be_cut_is_refused_with_advice():
    with pytest.raises(Mismatch) as problem:
        cut_dev(FOLD, "leave-one-speaker-out", speakers(1), CLASSES, Settings())
    assert str(problem.value) == (
        "no dev part can be cut from the training part of fold f\n"
        "  expected: at least two groups (speakers, sessions, …), with every class left in training\n"
        "  do: add --dev 0 --select last, or use another protocol"
    )


def test_every_encoder_of_cross_fitting_cuts_dev_from_its_own_training_part(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr("featurestore.finetuning.finetune.finetune", lambda **options: given.append(options))
    store = tiny.store(tmp_path / "store", tiny.utterances(40, tmp_path / "clips"), tmp_path / "clips")
    finetune_folds(store, modality="text", checkpoint="c", out=tmp_path / "o", crossfit=2, tensorboard="board")
    whole, first, second = ({part: set(one[f"{part}_ids"]) for part in ("train", "dev", "held_out")} for one in given)
    for one in (whole, first, second):
        assert one["dev"]
        assert not one["dev"] & (one["train"] | one["held_out"])
    training = whole["train"] | whole["dev"]
    assert first["train"] | first["dev"] == training - first["held_out"]
    assert first["held_out"] | second["held_out"] == training
    boards = [one["settings"].tensorboard for one in given]
    assert boards == [f"board/{name}" for name in ("holdout", "holdout-x1", "holdout-x2")]


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ({"dev": 0.0}, "--select best-dev needs a dev part, and --dev 0 leaves none\n"),
        ({"dev": 0.0, "select": "last", "patience": 2}, "--patience 2 needs a dev part, and --dev 0 leaves none\n"),
        ({"dev": 0.7}, "invalid share --dev 0.7\n  expected: 0 to 0.5; 0 for no dev part"),
        ({"select": "first"}, "invalid --select 'first'\n  expected: best-dev, last"),
        ({"precision": "int8"}, "invalid --precision 'int8'\n  expected: auto, float32, bf16, fp16"),
        ({"schedule": "step"}, "invalid --schedule 'step'\n  expected: linear, cosine, constant"),
        ({"micro_batch": 0}, "invalid --micro-batch 0\n  expected: 1 or more"),
        ({"patience": -1}, "invalid --patience -1\n  expected: 0 or more"),
        ({"learning_rate": 0.0}, "invalid --learning-rate 0\n  expected: more than 0"),
        ({"max_seconds": -1.0}, "invalid --max-seconds -1\n  expected: more than 0"),
        ({"ctc_weight": -0.1}, "invalid --ctc-weight -0.1\n  expected: 0 or more"),
        ({"accumulate": 2, "micro_batch": 4}, "--accumulate and --micro-batch contradict each other"),
        ({"accumulate": 40}, "a batch of 32 cannot be cut into 40 parts\n"),
        ({"test_every_epoch": True}, "test_every_epoch is for training without a dev part, as in the paper\n"),
        ({"device": "gpu"}, "'gpu' is not a device\n"),
        ({"context": 1}, "only a text encoder is fine-tuned with context\n"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(of, message):
    with pytest.raises(BadValue) as problem:
        check_settings(replace(Settings(), **of), "audio")
    assert str(problem.value).startswith(message)


def test_a_length_in_seconds_is_refused_for_texts():
    with pytest.raises(BadValue) as problem:
        check_settings(replace(Settings(), max_seconds=8.0), "text")
    assert str(problem.value) == (
        "only clips have a length in seconds\n  expected: --max-seconds with --modality audio\n"
        "  got: --max-seconds 8.0 with --modality text\n  do: leave --max-seconds out"
    )


def test_best_dev_without_a_dev_part_is_refused_before_the_checkpoint_is_looked_for(tmp_path):
    with pytest.raises(BadValue, match=r"^there are no dev utterances to choose the epoch by\n"):
        tune(tmp_path / "nowhere", tmp_path / "out", dev_ids=[])


def test_dev_reported_alone_changes_no_weights(start, tmp_path):
    with_dev = tune(start, tmp_path / "a", {"select": "last"})[0]
    without = tune(start, tmp_path / "b", {"select": "last", "dev": 0.0})[0]
    assert_same_weights(with_dev.folder, without.folder)
    assert with_dev.record["selection"]["looked_at"]["dev"] == "scored after every epoch; it chose nothing"

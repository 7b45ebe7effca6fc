"""Settings of fine-tuning: what a record holds of them."""

from dataclasses import asdict, dataclass
from pathlib import Path

from featurestore.commands.finetune import command
from featurestore.finetuning.options.settings import Settings, declare_added, declare_unrecorded

BEFORE = {"context", "ctc_weight"}


def test_a_setting_that_older_versions_lacked_is_recorded_only_where_it_does_something():
    assert not BEFORE & Settings().describe().keys()
    described = Settings(context=2, ctc_weight=0.1).describe()
    assert (described["context"], described["ctc_weight"]) == (2, 0.1)


def test_a_neutral_value_may_differ_from_the_default_and_workers_are_never_recorded():
    @dataclass(frozen=True)
    class More(Settings):
        share: float = declare_added(0.1, neutral=0.0)
        workers: int = declare_unrecorded(0)

    assert More().describe() == Settings().describe() | {"share": 0.1}
    assert More(share=0.0, workers=4).describe() == Settings().describe()


def test_the_command_has_the_defaults_of_the_settings_and_the_guide_names_its_options():
    given = command.make_context("finetune", ["--modality", "text", "--checkpoint", "start", "--out", "tuned"]).params
    own = asdict(Settings())
    assert own.keys() - given.keys() == {"epsilon", "clip", "fixed_length", "test_every_epoch"}
    assert [name for name in own.keys() & given.keys() if given[name] != own[name]] == []
    guide = (Path(__file__).parents[4] / "docs/how-to/fine-tune.md").read_text("utf-8")
    options = {one.name: [*one.opts, *one.secondary_opts] for one in command.params if one.name in own}
    assert [name for name, words in options.items() if not any(word in guide for word in words)] == []

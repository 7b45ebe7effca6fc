"""Settings of fine-tuning: what a record holds of them."""

from dataclasses import dataclass

from featurestore.finetuning.settings import Settings, declare_added, declare_unrecorded

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

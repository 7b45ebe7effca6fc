"""Decode ahead of the encoder."""

from featurestore.extraction import worker


def test_loading_runs_ahead_of_the_encoder_within_bounds():
    begun = []
    futures = worker._load_ahead(lambda one: begun.append(one) or one, list(range(50)))
    for position, future in enumerate(futures):
        assert future.result() == position
        assert len(begun) <= position + worker.AHEAD + 1
    assert begun == list(range(50))

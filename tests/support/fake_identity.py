"""Identify an audio encoder without a checkpoint on disk, for estimates of memory."""

from featurestore.networks.identity import Identity

CONFIG = {"conv_dim": [512] * 7, "conv_stride": [5, 2, 2, 2, 2, 2, 2], "num_attention_heads": 12}


class FakeCheckpoint:
    """A checkpoint with only what an estimate needs."""

    def __init__(self, config):
        self.config = lambda: config


def identity(attention="sdpa", config=CONFIG, **described):
    """Return the identity of a network with this configuration."""
    description = {"attention": attention, "preprocessing": {"sampling_rate": 16_000}, **described}
    return Identity("audio", "audio", description, ("mean",), checkpoint=FakeCheckpoint(config))

"""Let Whisper's encoder of transformers read windows shorter than 30 s."""

from typing import Any


def accept_short_windows(encoder: Any) -> None:
    """Make a Whisper encoder read any window up to its own, each position with the embedding that it has anyway.

    Transformers compares the length of an input with `config.max_source_positions`, and adds every row of
    `embed_positions`. Both are public, and are set to the input's length while the encoder runs: the first rows of the
    embedding, as a view of the same weights, which fine-tuning on short windows leaves as they are: they are sinusoids.
    A window of the full length runs untouched. Weights, their names and the configuration that is saved stay.

    Args:
        encoder: of any Whisper network of transformers; changed in place, on this instance alone.
    """
    from torch import nn

    whole, positions = encoder.embed_positions, int(encoder.config.max_source_positions)
    stride = int(encoder.conv1.stride[0]) * int(encoder.conv2.stride[0])

    def shorten(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        spectrum = args[0] if args else kwargs["input_features"]  # (B, mel bins, T)
        frames = spectrum.shape[-1] // stride
        if frames < positions:
            module.config.max_source_positions = frames
            module.embed_positions = nn.Embedding.from_pretrained(whole.weight[:frames], freeze=True)

    def restore(module: Any, _args: tuple[Any, ...], _output: Any) -> None:
        module.config.max_source_positions = positions
        module.embed_positions = whole

    encoder.register_forward_pre_hook(shorten, with_kwargs=True)
    encoder.register_forward_hook(restore, always_call=True)

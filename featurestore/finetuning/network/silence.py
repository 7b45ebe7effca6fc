"""Silence transformers: its progress bars, load reports and advice."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import transformers as hf


@contextmanager
def silence_transformers() -> Iterator[None]:
    """Keep transformers' own output off the user's terminal."""
    bars, level = hf.utils.logging.is_progress_bar_enabled(), hf.utils.logging.get_verbosity()
    hf.utils.logging.disable_progress_bar()
    hf.utils.logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            # WavLM gives torch a boolean mask beside a float one
            warnings.filterwarnings("ignore", "Support for mismatched key_padding_mask", UserWarning)
            # torch's advice for --workers above the number of cores
            warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
            yield
    finally:
        hf.utils.logging.set_verbosity(level)
        if bars:
            hf.utils.logging.enable_progress_bar()

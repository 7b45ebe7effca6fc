"""Switch the faster replacements of parts of transformers' models on or off, all at one place.

Four modules replace what transformers computes by something faster that gives the same vectors: `fast_deberta`,
`fast_convolutions`, `fast_position_convolution`, and `padding` (masked batches of clips, by `isolate_front`). They
depend on the inside of transformers' models, so encoders use them only with the tested versions. With any other
version, or with `EMOFUSE_FAST_PATHS=0`, encoders run transformers' own forward pass and encode clips one at a time.

Fine-tuning always uses `isolate_front`: it decides what is learned from a padded batch, not only how fast.
"""

import logging
import os
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

VARIABLE = "EMOFUSE_FAST_PATHS"
# First and last minor version of transformers that the tests of all four modules passed with.
TESTED = ((5, 0), (5, 24))


def is_tested(installed: str) -> bool:
    """Tell whether a version of transformers is in the tested range.

    >>> is_tested("5.0.0"), is_tested("4.57.1"), is_tested("6.0.0.dev0")
    (True, False, False)
    """
    major, minor = (int(part) for part in installed.split(".")[:2])
    return TESTED[0] <= (major, minor) <= TESTED[1]


def is_enabled() -> bool:
    """Tell whether encoders use the fast paths."""
    return os.environ.get(VARIABLE) != "0" and is_tested(version("transformers"))


@cache
def report_untested() -> None:
    """Log one line, once in a process, where the installed version of transformers turns the fast paths off."""
    installed = version("transformers")
    if not is_tested(installed):
        first, last = (".".join(map(str, one)) for one in TESTED)
        logging.getLogger(__name__).warning(
            "transformers %s is outside the tested range %s to %s: encoding runs without fast paths, slower, with the "
            "same vectors",
            installed,
            first,
            last,
        )


def speed_up(model: "nn.Module", device: str) -> bool:
    """Use the fast paths that fit a frozen network.

    Args:
        model: in evaluation mode, on `device`; changed in place.
        device: `cpu`, `cuda`, …

    Returns:
        whether a masked batch of waveforms gives each clip its own vectors; False where fast paths are off.
    """
    from featurestore.networks.fast_convolutions import fold_weight_norm, use_matrix_products
    from featurestore.networks.fast_deberta import cache_relative_positions
    from featurestore.networks.fast_position_convolution import use_fourier_transforms
    from featurestore.networks.padding import isolate_front

    if not is_enabled():
        return False
    fold_weight_norm(model)
    cache_relative_positions(model)
    if device == "cpu":
        use_matrix_products(model)
        use_fourier_transforms(model)
    return isolate_front(model)

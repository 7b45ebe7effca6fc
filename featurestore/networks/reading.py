"""Say how an encoder reads clips, where a user would not expect it."""

from collections.abc import Mapping
from typing import Any

from featurestore.networks.classifier_pooling import ALL_FRAMES, CLASSIFIER_POOLING
from featurestore.networks.windows import read_window
from featurestore.spec import CLIP_WINDOW, EncoderSpec


def describe_reading(spec: EncoderSpec, description: Mapping[str, Any]) -> list[str]:
    """Describe a window that fine-tuning has set, and logits that average silence, in lines for the user.

    Args:
        spec: as the user gave it.
        description: of the encoder.
    """
    lines = []
    if spec.window is None and read_window(description) == CLIP_WINDOW:
        lines.append(f"--window {CLIP_WINDOW}, as {spec.checkpoint} was fine-tuned")
    if description.get(CLASSIFIER_POOLING) == ALL_FRAMES:
        lines.append(f"its logits average {ALL_FRAMES}; its mean and std do not")
    return lines

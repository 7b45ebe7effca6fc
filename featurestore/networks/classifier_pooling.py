"""Average a clip's own frames in Whisper's classifier, not those of the silence behind it.

The classifier of transformers averages all 1,500 frames of the window, of which a clip of 4.5 s fills 225. Here both
fine-tuning and extraction of what it wrote average the clip's own frames, as the stored mean does. Classifiers that
others trained keep all frames.
"""

from collections.abc import Mapping
from typing import Any

from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.frames import WHISPER

# Name of the array (B, 2) of a batch with each clip's first frame and the frame after its last.
SPANS = "true_frames"

# The key in `finetune.json` and in an encoder's description, and its values.
CLASSIFIER_POOLING = "classifier_pooling"
TRUE_FRAMES, ALL_FRAMES = "true frames", "all frames of the window, silence included, as it was trained"


def pools_true_frames(checkpoint: Checkpoint) -> bool:
    """Tell whether fine-tuning recorded that the classifier averages a clip's own frames."""
    return checkpoint.read_finetune_record().get(CLASSIFIER_POOLING) == TRUE_FRAMES


def describe_trained_pooling(config: Mapping[str, Any]) -> dict[str, str]:
    """Describe for the record of fine-tuning which frames the classifier averages. Empty where none is padding."""
    return {CLASSIFIER_POOLING: TRUE_FRAMES} if config.get("model_type") == WHISPER else {}


def describe_classifier_pooling(checkpoint: Checkpoint) -> dict[str, str]:
    """Describe which frames the logits average. Empty without a classifier, and where no frame is padding."""
    if checkpoint.config().get("model_type") != WHISPER or not checkpoint.classes():
        return {}
    return {CLASSIFIER_POOLING: TRUE_FRAMES if pools_true_frames(checkpoint) else ALL_FRAMES}


def pool_true_frames(model: Any) -> None:
    """Make a Whisper classifier average each clip's own frames where the batch names them, as `true_frames` (B, 2).

    The classifier is an average over time of what `projector` gives, so that frames are weighted there: 0 outside the
    clip, and inside so that the mean over all is the mean over the clip's own. A batch without `true_frames` runs as
    before. The encoder takes the argument too, for wrappers that call the classifier's `forward` past its hooks.

    Args:
        model: `WhisperForAudioClassification`; changed in place, its weights and their names are not.
    """
    spans: list[Any] = []

    def keep(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        if SPANS in kwargs:
            spans[:] = [kwargs.pop(SPANS)]
        elif module is model:
            spans.clear()  # of a batch that failed
        return args, kwargs

    def weigh(_projector: Any, _args: tuple[Any, ...], projected: Any) -> Any:
        return _weigh_frames(projected, spans.pop()) if spans else projected

    model.register_forward_pre_hook(keep, with_kwargs=True)
    model.get_encoder().register_forward_pre_hook(keep, with_kwargs=True)
    model.projector.register_forward_hook(weigh)


def _weigh_frames(projected: Any, spans: Any) -> Any:
    """Weight frames (B, T, P) so that their mean over time is the mean over each clip's own span.

    The result is float32 where autocast computed in half precision, which would round the weights.
    """
    import torch

    places = torch.arange(projected.shape[1], device=projected.device)
    start, stop = spans.to(projected.device).unbind(-1)  # (B,)
    own = (places >= start[:, None]) & (places < stop[:, None])  # (B, T)
    weights = own * (projected.shape[1] / (stop - start))[:, None]
    return projected * weights[..., None]

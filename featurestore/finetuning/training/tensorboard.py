"""Write TensorBoard's event files during training."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from featurestore.errors import Unavailable


def check_tensorboard() -> None:
    """Raise Unavailable where TensorBoard is not installed."""
    if find_spec("tensorboard") is None:
        raise Unavailable("--tensorboard needs the package tensorboard", do="pip install 'emofuse[tensorboard]'")


def make_tensorboard_callback(folder: Path) -> Any:
    """Make transformers' own callback that writes into a folder."""
    check_tensorboard()
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations import TensorBoardCallback

    return TensorBoardCallback(SummaryWriter(log_dir=str(folder)))

"""Feature store for multimodal speech emotion recognition: from a corpus on disk to frozen features of every utterance.

The public API is loaded on first use, so that importing the package is fast.

>>> import featurestore
>>> sorted(featurestore.__all__)
['Store', 'Utterance', '__version__', 'diagnose', 'export_features', 'extract', 'finetune', 'import_features',
 'predict', 'prepare', 'stream', 'transcribe']
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from featurestore.commands.extract import extract
    from featurestore.commands.finetune import finetune
    from featurestore.commands.transcribe import transcribe
    from featurestore.diagnosis.diagnose import diagnose
    from featurestore.exporting.export_features import export_features
    from featurestore.importing.import_features import import_features
    from featurestore.manifest import Utterance
    from featurestore.prediction.predict import predict
    from featurestore.preparation.prepare import prepare
    from featurestore.store import Store
    from featurestore.streaming import stream

    __version__: str

_PLACES = {
    "Store": "featurestore.store",
    "Utterance": "featurestore.manifest",
    "diagnose": "featurestore.diagnosis.diagnose",
    "export_features": "featurestore.exporting.export_features",
    "extract": "featurestore.commands.extract",
    "finetune": "featurestore.commands.finetune",
    "import_features": "featurestore.importing.import_features",
    "predict": "featurestore.prediction.predict",
    "prepare": "featurestore.preparation.prepare",
    "stream": "featurestore.streaming",
    "transcribe": "featurestore.commands.transcribe",
}

__all__ = [
    "Store",
    "Utterance",
    "__version__",
    "diagnose",
    "export_features",
    "extract",
    "finetune",
    "import_features",
    "predict",
    "prepare",
    "stream",
    "transcribe",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("emofuse")
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'featurestore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Construct heads small enough for scikit-learn's hundred checks, and large enough for its accuracy check."""

from featurestore import registry
from heads import Block, Inputs

# of every head that is a network with epochs
_NETWORK = {"device": "cpu", "epochs": 8, "learning_rate": 1e-2, "validation_fraction": 0.0, "dropout": 0.25}
_DIALOGUE = {"batch_size": 128, "hidden": 16, "learning_rate": 2e-2, "epochs": 5}
# by head, what differs from its defaults
_QUICK = {
    "attention": {"hidden": 16, "epochs": 6},
    "bc-lstm": _DIALOGUE | {"layers": 1},
    "chfusion": _DIALOGUE | {"width": 32},
    "cnn-lstm": {"hidden": 4, "channels": (4,), "strides": (2,), "epochs": 6, "learning_rate": 2e-2},
    "cogmen": _DIALOGUE | {"epochs": 7, "feedforward": 32, "layers": 1, "width": 16},
    "conv1d": {"channels": (8,)},
    "dcnn-blstm-svm": {"channels": (16,), "hidden": 8, "dense": 16, "epochs": 5},
    "dialogue-crn": _DIALOGUE | {"hidden": 8, "layers": 1, "situation_steps": 2},
    "dialogue-rnn": _DIALOGUE | {"global_size": 16, "speaker_size": 16, "emotion_size": 16},
    "emocaps": _DIALOGUE | {"emotion": 8, "layers": 1, "width": 16},
    "layers": {"learning_rate": 0.05, "epochs": 10},
    "mdre": {"hidden": 8, "dense": 16, "epochs": 5},
    "mlp": {"hidden": (64, 32), "device": "cpu"},
    "mmer": {"hidden": 8, "attention_heads": 2, "epochs": 5},
    "stacking": {"folds": 3},
    "text-cnn": {"channels": (16, 16), "dense": 16, "epochs": 5},
    "text-lstm": {"hidden": (16,), "dense": 16, "epochs": 6},
    "weighted-correction": {"hidden": 8, "attention_size": 8, "dense": 16, "epochs": 5},
    "xgb": {"n_estimators": 20, "n_jobs": 1},
}


def quick_params(head, **params):
    """Return the quick settings of a head that it has; `params` replace them."""
    known = registry.load("heads", head)().get_params()
    common = _NETWORK if "validation_fraction" in known else {}
    return {name: value for name, value in (common | _QUICK.get(head, {}) | params).items() if name in known}


def construct(head, **params):
    """Construct a small head by its registry name; `params` replace its quick settings."""
    return registry.load("heads", head)(**quick_params(head) | params)


def construct_seeded(head, seed=0, **params):
    """Construct a small head with a fixed seed where it takes one."""
    estimator = construct(head, **params)
    return estimator.set_params(random_state=seed) if "random_state" in estimator.get_params() else estimator


def as_inputs(X):
    """Return a plain matrix as inputs of one block, every row a target."""
    return Inputs(X, (Block("x", "", (X.shape[1],)),))

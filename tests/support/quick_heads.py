"""Construct heads small enough for scikit-learn's hundred checks, and large enough for its accuracy check."""

from featurestore import registry

# of every head that is a network with epochs
_NETWORK = {"device": "cpu", "epochs": 40, "learning_rate": 1e-2, "validation_fraction": 0.0}
# by head, what differs from its defaults
_QUICK = {
    "attention": {"hidden": 16},
    "bc-lstm": {"hidden": 16},
    "chfusion": {"epochs": 30, "hidden": 16, "width": 32},
    "cogmen": {"batch_size": 64, "epochs": 20, "feedforward": 32, "hidden": 16, "layers": 1, "width": 16},
    "emocaps": {"emotion": 8, "epochs": 20, "hidden": 16, "layers": 1, "width": 16},
    "mlp": {"hidden": (64, 32), "device": "cpu"},
    "stacking": {"folds": 3},
    "xgb": {"n_estimators": 20, "n_jobs": 1},
}


def construct(head, **params):
    """Construct a small head by its registry name; `params` replace its quick settings."""
    kind = registry.load("heads", head)
    common = _NETWORK if "validation_fraction" in kind().get_params() else {}
    return kind(**common | _QUICK.get(head, {}) | params)


def construct_seeded(head, seed=0, **params):
    """Construct a small head with a fixed seed where it takes one."""
    estimator = construct(head, **params)
    return estimator.set_params(random_state=seed) if "random_state" in estimator.get_params() else estimator

"""Construct regressors small enough for scikit-learn's hundred checks."""

from featurestore import registry

_QUICK = {
    "mlp": {"hidden": (32,), "epochs": 20, "learning_rate": 1e-2, "device": "cpu"},
    "ridge": {"alpha": 1.0},
    "xgb": {"n_estimators": 20, "colsample_bytree": 1.0, "n_jobs": 1},
}


def construct(name, **params):
    """Construct a small regressor by its registry name; `params` replace its quick settings."""
    return registry.load("regressors", name)(**_QUICK.get(name, {}) | params)


def construct_seeded(name, seed=0, **params):
    """Construct a small regressor with a fixed seed where it takes one."""
    regressor = construct(name, **params)
    return regressor.set_params(random_state=seed) if "random_state" in regressor.get_params() else regressor

from sklearn.utils.estimator_checks import parametrize_with_checks

from featurestore import registry


def quick(name):
    return registry.load("heads", name)()


@parametrize_with_checks([quick(name) for name in registry.names("heads")])
def test_obeys_scikit_learn(estimator, check):
    check(estimator)

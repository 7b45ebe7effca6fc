"""Compute the metrics of values one utterance at a time, by their formulas, to check the product's metrics against."""

import math


def mean(values):
    return sum(values) / len(values)


def covariance(x, y):
    return mean([(a - mean(x)) * (b - mean(y)) for a, b in zip(x, y, strict=True)])


def concordance(truth, prediction):
    """Lin 1989, with moments that divide by N; 0 where the formula divides 0 by 0."""
    below = covariance(truth, truth) + covariance(prediction, prediction) + (mean(truth) - mean(prediction)) ** 2
    return 2 * covariance(truth, prediction) / below if below else 0.0


def pearson(truth, prediction):
    below = math.sqrt(covariance(truth, truth) * covariance(prediction, prediction))
    return covariance(truth, prediction) / below if below else 0.0


def root_mean_square_error(truth, prediction):
    return math.sqrt(mean([(a - b) ** 2 for a, b in zip(truth, prediction, strict=True)]))


PLAIN = {
    "concordance_correlation": concordance,
    "pearson_correlation": pearson,
    "root_mean_square_error": root_mean_square_error,
}

"""Scikit-learn regressors of valence, activation and dominance, one per module.

Each predicts several targets at once, Y (N, T), on the scale that it was given.
"""

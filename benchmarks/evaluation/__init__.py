"""Evaluate one head on one feature set and one fold: features, normalization, search, leakage guard."""

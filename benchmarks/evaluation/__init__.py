"""Evaluate one head on one feature set and one fold: inputs, normalization, search, leakage guard."""

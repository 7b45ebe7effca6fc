"""Fit one head, measure it and make its bundle, as `cli fit-head` does."""

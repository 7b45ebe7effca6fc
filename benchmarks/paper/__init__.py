"""Repeat the paper's experiment and compare its tables and figures with the published values."""

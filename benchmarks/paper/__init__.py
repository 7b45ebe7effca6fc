"""Repeat the paper's experiment, and show its tables and figures beside the published values."""

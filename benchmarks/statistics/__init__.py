"""Compute metrics, their intervals, and whether two heads differ."""

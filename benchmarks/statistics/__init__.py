"""Metrics, their intervals, and whether two heads differ."""

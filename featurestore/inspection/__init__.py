"""Inspect, explain, verify and repair what a store holds."""

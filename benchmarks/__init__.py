"""Protocols, metrics and runs: how heads are fitted, measured and compared."""

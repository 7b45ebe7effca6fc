"""Prepare a corpus: write its manifest into a store and report every irregularity."""

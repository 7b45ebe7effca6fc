"""Prepare a corpus: write its manifest and report what is odd."""

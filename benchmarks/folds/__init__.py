"""Folds: how a protocol's cut is checked, kept on disk and shown."""

"""Describe stores, feature files, bundles and checkpoints; verify a store; explain where a vector comes from."""

"""A benchmark's runs: what is fitted on what, one run after another, and their predictions on disk."""

"""Run a benchmark: plan every run, execute what is missing, keep predictions on disk, read them back."""

"""Run a benchmark: plan its runs, execute the missing ones, write their predictions, and read them back."""

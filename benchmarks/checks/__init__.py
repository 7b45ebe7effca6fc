"""One module per check: `check(results)` looks at a finished benchmark and gives a `Finding`."""

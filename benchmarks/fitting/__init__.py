"""One head fitted, measured and bundled: what `cli fit-head` does."""

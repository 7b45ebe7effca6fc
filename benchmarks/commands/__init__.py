"""One module per command that evaluates: `cli VERB` is `VERB.py`, with the same verb in Python."""

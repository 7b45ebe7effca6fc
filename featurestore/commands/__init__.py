"""One module per command that makes or inspects features: `cli VERB` is `VERB.py`, with the same verb in Python."""

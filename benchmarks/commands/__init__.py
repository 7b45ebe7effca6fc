"""Define the commands that evaluate: `cli VERB` is `VERB.py`."""

"""Extract frozen features of every utterance into feature files."""

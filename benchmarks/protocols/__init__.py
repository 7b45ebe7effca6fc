"""One module per protocol: `folds(utterances, classes, seed)` cuts a corpus into folds by utterance id."""

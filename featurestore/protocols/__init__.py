"""One module per protocol.

`folds(utterances, classes, seed)` cuts a corpus into folds by utterance id; `groups(utterances)` says, by id, what is
never split between the parts of a fold; SPEAKER_INDEPENDENT says whether a speaker is ever on both sides.
"""

"""Protocols: one module each, which splits a corpus into folds.

A module exports three names:

    SPEAKER_INDEPENDENT: bool                          whether no speaker is ever in both training and test
    folds(utterances, classes, seed) -> list[Fold]     the folds, by utterance id
    groups(utterances) -> dict[str, str]               group by utterance id; a dev part never splits a group

It may also set:

    PARTIAL = True         some utterances are never tested
    BY_ORDER = True        the folds depend on the order of the manifest
    PARTITIONS = {...}     the values of the column `partition` that it splits by, for `train`, `dev` and `test`

`featurestore.folds.group_folds` builds folds over a column of the manifest.
"""

"""Split a corpus into folds by a protocol, check them, save them and report on them."""
